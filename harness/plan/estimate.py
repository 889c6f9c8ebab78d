"""How long what a plan lacks would take."""

import statistics
from typing import Any

from harness.ledger import Ledger
from harness.plan.plan import Plan
from harness.space.workplace import Workplace


def estimate(plan: Plan, ledger: Ledger, where: Workplace, at_once: int) -> dict[str, Any]:
    """How long the pending trials take, from finished trials of the same study (else unknown)."""
    pending = plan.pending()
    done = [ledger.get(p.cell.id) for p in plan.cells if p.cell.status == "done"]
    seconds = [record.seconds for record in done if record is not None]
    each = statistics.median(seconds) if seconds else None
    waves = -(-len(pending) // max(1, at_once))
    return {
        "pending": len(pending),
        "sources": len(plan.pending_sources(ledger, where)),
        "at_once": at_once,
        "seconds_a_trial": each,
        "seconds": each * waves if each is not None else (0.0 if not pending else None),
        "basis": f"median of {len(seconds)} finished trials" if seconds else None,
    }
