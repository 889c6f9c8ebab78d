"""How long what a plan lacks would take: each trial, all of them, and by the clock."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.calibrations import (
    Calibration,
    Span,
    feature_seconds,
    features_key,
    group_key,
)
from harness.ledger import Ledger
from harness.plan.plan import Plan
from harness.plan.schedule import wall_time, waves_of
from harness.plan.timing import Basis, Finished, Guess, finished_trials, guesses
from harness.plurals import many
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace

BUSY = 0.75
"""Processes a core from which what is measured says little of a quiet machine."""


def estimate(
    plan: Plan,
    ledger: Ledger,
    where: Workplace,
    at_once: int,
    measured: Mapping[str, Calibration] | None = None,
) -> dict[str, Any]:
    """The `estimate` of a plan's document; what is not known is None.

    measured: short runs by group (`harness.calibrate`), for what no finished trial tells.
    """
    pending, sources = plan.pending(), plan.pending_sources(ledger, where)
    finished, measured = finished_trials(plan, ledger), measured or {}
    known = guesses([*sources, *pending], finished, measured)
    spans = {trial: guess.span for trial, guess in known.items()}
    mine = [spans[spec.id].seconds for spec in pending if spec.id in spans]
    whole = bool(mine) or not pending
    features = _features(pending, measured)
    walls = [_wall(sources, pending, spans, at_once, end) + features for end in range(3)]
    hours = [sum(span[end] for span in spans.values()) + features for end in range(3)]
    return {
        "pending": len(pending),
        "sources": len(sources),
        "at_once": at_once,
        "seconds_a_trial": statistics.median(mine) if mine else None,
        "seconds": walls[0] if whole else None,
        "low": walls[1] if whole else None,
        "high": walls[2] if whole else None,
        "device_hours": hours[0] / 3600 if whole else None,
        "source_seconds": sum(spans[s.id].seconds for s in sources if s.id in spans),
        "feature_seconds": features,
        "unknown": sum(spec.id not in spans for spec in pending),
        "unknown_sources": sum(spec.id not in spans for spec in sources),
        "basis": _basis(known, finished, measured) if known else None,
        "busy": _busy(measured.values()),
        "trials": {trial: _told(guess) for trial, guess in known.items()},
        "not_measured": {
            spec.id: calibration.reason
            for spec in (*sources, *pending)
            if (calibration := measured.get(group_key(spec))) and calibration.reason
        },
    }


def unmeasured(plan: Plan, ledger: Ledger, where: Workplace) -> tuple[TrialSpec, ...]:
    """Pending trials, and those for backbones, that no finished trial of theirs tells of."""
    trials = [*plan.pending_sources(ledger, where), *plan.pending()]
    known = guesses(trials, finished_trials(plan, ledger), {})
    return tuple(s for s in trials if s.id not in known or known[s.id].basis != "same")


def _wall(
    sources: Sequence[TrialSpec],
    pending: Sequence[TrialSpec],
    spans: Mapping[str, Span],
    at_once: int,
    end: int,
) -> float:
    """Backbones first, wave by wave, then the trials."""
    seconds = {trial: span[end] for trial, span in spans.items()}
    return wall_time([*waves_of(sources), pending], seconds, at_once)


def _features(pending: Sequence[TrialSpec], measured: Mapping[str, Calibration]) -> float:
    """Keeping the maps of frozen backbones, once each, where a short run told of it."""
    found: dict[str, float] = {}
    for spec in pending:
        calibration = measured.get(group_key(spec))
        if calibration is not None and calibration.rates is not None:
            seconds = feature_seconds(calibration.rates, spec)
            found[features_key(spec)] = max(seconds, found.get(features_key(spec), 0.0))
    return sum(found.values())


def _told(guess: Guess) -> dict[str, Any]:
    return {**guess.span._asdict(), "basis": guess.basis}


def _busy(measured: Iterable[Calibration]) -> float | None:
    """Most processes a core that wanted to run beside a measurement; None where all were quiet."""
    loads = [one.load for one in measured if one.rates and one.load is not None]
    return busiest if loads and (busiest := max(loads)) > BUSY else None


def _basis(
    known: Mapping[str, Guess], finished: Sequence[Finished], measured: Mapping[str, Calibration]
) -> str:
    """What the seconds rest on, in words."""
    trials = Counter(guess.basis for guess in known.values())
    ran = many(len(finished), "finished trial")
    devices = ", ".join(dict.fromkeys(one.device for one in finished))
    own = [one for one in measured.values() if one.rates and not one.interpolated]
    here = f"{own[0].device}, {many(own[0].threads, 'thread')}" if own else ""
    said: dict[Basis, str] = {
        "same": f"finished trials of the same network on {devices}",
        "measured": f"measured here: {sum(one.steps for one in own)} steps of "
        f"{many(len(own), 'network')} alone on {here}",
        "interpolated": f"between measured networks along multiply-adds: "
        f"{many(trials['interpolated'], 'trial')}",
        "line": f"a line along multiply-adds through {ran} on {devices}",
        "median": f"median of {ran} on {devices}",
    }
    return "; ".join(words for basis, words in said.items() if trials[basis])
