"""What a study would do, before anything does: every cell with its cost, gate and ledger hit."""

from harness.plan.estimate import estimate, unmeasured
from harness.plan.facts import open_facts
from harness.plan.make import make_plan, settle
from harness.plan.plan import Plan, Planned, is_done, sources_of
from harness.plan.stored import stored_plan

__all__ = [
    "Plan",
    "Planned",
    "estimate",
    "is_done",
    "make_plan",
    "open_facts",
    "settle",
    "sources_of",
    "stored_plan",
    "unmeasured",
]
