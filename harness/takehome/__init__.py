"""A feature network as one readable Python file that needs torch alone, to use anywhere."""

from harness.takehome.file import Heading, take_home
from harness.takehome.wrappers import LIBRARIES

__all__ = ["LIBRARIES", "Heading", "take_home"]
