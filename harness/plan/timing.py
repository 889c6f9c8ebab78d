"""How long a trial takes, by the best that is known of it, with what that is."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from harness.calibrations import Calibration, Span, group_key, spread, trial_seconds
from harness.ledger import Ledger
from harness.plan.plan import Plan
from harness.space.costing import closed_form
from harness.space.trial import TrialSpec

Basis = Literal["same", "measured", "interpolated", "line", "median"]
"""`same`: finished trials of the same network. `measured`: a short run of it. `interpolated`:
short runs of networks around it. `line`: finished trials of other networks, along multiply-adds.
`median`: of the study's finished trials, whatever they are."""


@dataclass(frozen=True, slots=True)
class Guess:
    """Seconds of one trial, and what they rest on."""

    span: Span
    basis: Basis


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished trial that others can be judged by."""

    spec: TrialSpec
    seconds: float
    device: str

    @property
    def work(self) -> float:
        return work_of(self.spec)


def work_of(spec: TrialSpec) -> float:
    """Multiply-adds of a whole training, backward passes not counted."""
    steps = spec.recipe.schedule.epochs * spec.facts.train_images
    return float(closed_form(spec.model).macs * steps)


def finished_trials(plan: Plan, ledger: Ledger) -> list[Finished]:
    """What the ledger has of a plan's trials and of those that train their backbones."""
    specs = {one.spec.id: one.spec for one in plan.cells if one.cell.status == "done"}
    found = []
    for trial, spec in {**plan.sources, **specs}.items():
        record = ledger.get(trial)
        if record is not None and record.status == "done" and not record.altered:
            found.append(Finished(spec, record.seconds, record.environment.device))
    return found


def length_key(spec: TrialSpec) -> tuple[str, int, int, int]:
    """Trials with one key take equal time: seeds apart, they are the same."""
    facts = spec.facts
    epochs = spec.recipe.schedule.epochs
    return group_key(spec), epochs, facts.train_images, facts.val_images


def guesses(
    trials: Iterable[TrialSpec],
    finished: Iterable[Finished],
    measured: Mapping[str, Calibration],
) -> dict[str, Guess]:
    """By trial id, of those of which anything is known. measured: by group key."""
    same: dict[tuple[str, int, int, int], list[float]] = {}
    there = list(finished)
    for one in there:
        same.setdefault(length_key(one.spec), []).append(one.seconds)
    least, most = spread(measured.values())
    found: dict[str, Guess] = {}
    for spec in trials:
        known, calibration = same.get(length_key(spec)), measured.get(group_key(spec))
        if known:
            found[spec.id] = Guess(_span(known), "same")
        elif calibration is not None and calibration.rates is not None:
            basis: Basis = "interpolated" if calibration.interpolated else "measured"
            seconds = trial_seconds(calibration.rates, spec)
            found[spec.id] = Guess(Span(seconds, seconds * least, seconds * most), basis)
        elif not measured and (guess := _by_work(spec, there)):
            found[spec.id] = guess
    return found


def _span(seconds: list[float]) -> Span:
    return Span(statistics.median(seconds), min(seconds), max(seconds))


def _by_work(spec: TrialSpec, finished: list[Finished]) -> Guess | None:
    """From trials of other networks that train as much of the backbone."""
    like = [one for one in finished if _kind(one.spec) == _kind(spec)]
    if not like:
        return None
    points: dict[float, list[float]] = {}
    for one in like:
        points.setdefault(one.work, []).append(one.seconds)
    if len(points) < 2:
        return Guess(_span([one.seconds for one in like]), "median")
    pairs = [(work, statistics.median(seconds)) for work, seconds in points.items()]
    slope, start = statistics.linear_regression(*zip(*pairs, strict=True))
    if slope < 0:
        return Guess(_span([one.seconds for one in like]), "median")

    def at(work: float) -> float:
        return max(start + slope * work, min(seconds for _, seconds in pairs) / 2)

    ratios = [one.seconds / at(one.work) for one in like]
    seconds = at(work_of(spec))
    return Guess(Span(seconds, seconds * min(1.0, *ratios), seconds * max(1.0, *ratios)), "line")


def _kind(spec: TrialSpec) -> tuple[object, ...]:
    """Networks of one kind see images in one way, so their time goes with their multiply-adds."""
    backbone, recipe = spec.model.backbone, spec.recipe
    return (backbone.name, str(backbone.frozen), recipe.batch_size, recipe.augmentation.scale)
