"""`harness plan`: every cell with its cost, gate and time, and how long all would take."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console

from harness.door.ablation import say_ablation
from harness.door.plan_table import Trial, span_words, state_of, tables
from harness.door.published import say_published
from harness.door.searched import say_search
from harness.gating import gate
from harness.ledger import Ledger
from harness.plan import Plan, estimate, make_plan, stored_plan, unmeasured
from harness.plans import SHOWN, read_plans
from harness.plurals import many
from harness.probes import Probes
from harness.search import cell_name, is_passed_over
from harness.searching import with_search
from harness.space.bind import FactsOf
from harness.space.study import Study
from harness.space.workplace import Workplace

Say = Callable[[str], None]
NAMED = 6
"""Arms that are named where many share a reason."""


def plan_document(
    study: Study,
    where: Workplace,
    facts: FactsOf,
    at_once: int,
    calibrating: Say | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """The document of `harness plan --json`.

    calibrating: make short runs of what no finished trial tells the time of, and say so here.
    limit: of what the study spells out, only so many trials are to be trained now, the first in
    the order of a run; cells of the others are left out and counted.
    """
    ledger = Ledger(where.results)
    plan = gate(make_plan(study, ledger, facts), Probes(where).get)
    plan = with_search(plan, ledger, facts)
    now, measured = _first(plan, limit), {}
    if calibrating is not None and (trials := unmeasured(now, ledger, where)):
        from harness.calibrate import calibrate

        measured = calibrate(trials, where, calibrating)
    document = plan.as_json(estimate(now, ledger, where, at_once, measured))
    if limit is not None:
        document |= _limited(document["trials"], plan, now)
    if document["assumed"]:
        return {**document, "digest": None, "stored": None}
    digest = stored_plan(plan, ledger).digest
    kept = {one.digest: one.stored for one in read_plans(where.results, *plan.name).plans}
    return {**document, "digest": digest, "stored": kept.get(digest)}


def _first(plan: Plan, limit: int | None) -> Plan:
    """The plan without the cells that `harness run --limit` would not come to."""
    if limit is None:
        return plan
    ids = {spec.id for spec in plan.pending()[:limit]}
    cells = (one for one in plan.cells if one.cell.status != "pending" or one.spec.id in ids)
    return replace(plan, cells=tuple(cells))


def _limited(trials: Sequence[Trial], plan: Plan, now: Plan) -> dict[str, Any]:
    """Fields of the document: without the cells that are left for later, and their number."""
    later = {spec.id for spec in plan.pending()} - {spec.id for spec in now.pending()}
    kept = [one for one in trials if one["status"] != "pending" or one["id"] not in later]
    return {"trials": kept, "later": len(trials) - len(kept)}


def say_plan(document: Mapping[str, Any], console: Console) -> None:
    """The cells, why some are not trained, how long the rest would take, the paper's table."""
    trials = [one for one in document["trials"] if not is_passed_over(one["arm"], one["status"])]
    times = document["estimate"].get("trials", {})
    title = f"{document['study']} ({document['profile']})"
    for table in tables(trials, times, title, console) if trials else ():
        console.print(table)
    say_search(document.get("search"), console)
    say_ablation(document, console)
    for line in reasons(trials):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for line in totals(document):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if document.get("assumed"):
        console.print(document["assumed"], style="yellow", highlight=False, soft_wrap=True)
    say_published(document.get("published"), console)


def reasons(trials: Sequence[Trial]) -> Iterator[str]:
    """Why cells are not what one would expect, each reason once with the cells it is of."""
    groups: dict[tuple[str, str], dict[str, list[int]]] = {}
    for trial in trials:
        if trial["reason"]:
            by_arm = groups.setdefault((trial["status"], _bare(trial)), {})
            name = cell_name(trial["arm"], trial["choice"])
            by_arm.setdefault(name, []).append(trial["seed"])
    for (status, reason), by_arm in groups.items():
        alike: dict[tuple[int, ...], list[str]] = {}
        for name, seeds in by_arm.items():
            alike.setdefault(tuple(seeds), []).append(name)
        cells = "; ".join(f"{_names(names)} ({_seeds(seeds)})" for seeds, names in alike.items())
        yield f"{status}: {reason}: {cells}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return "; ".join(names[:NAMED]) + more


def _bare(trial: Trial) -> str:
    """A reason without the seed it names, where that is the cell's own."""
    return str(trial["reason"]).removesuffix(f", seed {trial['seed']}")


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"


def totals(document: Mapping[str, Any]) -> Iterator[str]:
    """Cells by state; what is to be trained, how long it takes, and how that is known."""
    states: dict[str, int] = {}
    for trial in document["trials"]:
        state = state_of(trial)
        states[state] = states.get(state, 0) + 1
    counted = ", ".join(f"{number} {state}" for state, number in states.items())
    if counted:
        yield f"{many(len(document['trials']), 'cell')}: {counted}"
    if later := document.get("later"):
        yield f"left for later by --limit: {many(later, 'cell')}"
    yield estimate_words(document["estimate"])
    yield from _reservations(document["estimate"])
    if digest := document.get("digest"):
        known = document.get("stored")
        when = f"stored {known}" if known else "stored when the first run of it starts"
        yield f"plan {digest[:SHOWN]}, {when}"


def estimate_words(estimate: Mapping[str, Any]) -> str:
    """`6 trials to train after 1 of pretraining, 2 at once: about 12 min (10 min to 15 min)`."""
    words = f"{many(estimate['pending'], 'trial')} to train"
    if estimate["sources"]:
        words += f" after {estimate['sources']} of pretraining"
    words += f", {estimate['at_once']} at once"
    if not estimate["seconds"]:
        return words
    words += f": about {span_words(estimate['seconds'])}"
    low, high = (span_words(estimate.get(name) or 0.0) for name in ("low", "high"))
    if low != high and estimate.get("high"):
        words += f" ({low} to {high})"
    if hours := estimate.get("device_hours"):
        words += f", {hours:.2g} device-hours" if hours < 10 else f", {hours:,.0f} device-hours"
    return words


def _reservations(estimate: Mapping[str, Any]) -> Iterator[str]:
    """What the time rests on, and what is not in it."""
    if estimate["basis"] and estimate["pending"]:
        yield f"known from: {estimate['basis']}"
    if estimate["pending"] and not estimate["basis"]:
        yield "time is not known yet: --calibrate makes short runs on this device"
    elif estimate.get("unknown"):
        yield f"not in it: {many(estimate['unknown'], 'trial')} of unknown time"
    if estimate.get("unknown_sources") and estimate["basis"]:
        yield f"not in it: pretraining, {many(estimate['unknown_sources'], 'trial')}"
    if busy := estimate.get("busy"):
        yield f"measured beside other work ({busy:.1f} processes a core): alone it is faster"
    for reason in dict.fromkeys(estimate.get("not_measured", {}).values()):
        yield f"could not be timed: {reason}"
