"""What may be believed here: one check a file, each a `Finding`; `checks.py` has their table."""

from harness.doctor.checks import CHECKS, examine
from harness.doctor.finding import Check, Examined, Finding, Setting

__all__ = ["CHECKS", "Check", "Examined", "Finding", "Setting", "examine"]
