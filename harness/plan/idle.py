"""Declared arms that change nothing: in a study with a baseline such an arm is a mistake."""

from collections.abc import Iterable, Iterator

from harness.errors import Fault
from harness.plan.plan import Planned
from harness.space.ablation import ablation_arms
from harness.space.study import Study
from harness.space.validate import located


def idle_arms(study: Study, cells: Iterable[Planned]) -> list[Fault]:
    """Arms whose every trial is that of an arm from which they were declared to differ.

    Points of axes may be the same network (aliases); an arm was declared to differ. A study without
    a baseline compares nothing, so it may name one network twice.
    """
    baseline = study.spec.baseline
    if baseline is None or not study.spec.arms:
        return []
    trials: dict[str, dict[str, str]] = {}
    for planned in cells:
        cell = planned.cell
        at = f"{sorted(cell.choice.items(), key=str)} {cell.seed}"
        trials.setdefault(cell.arm, {})[at] = cell.id
    told: dict[str, Fault] = {}
    for arm, other in _declared(study, baseline, trials):
        if arm not in told and trials.get(arm) and trials.get(other) == trials[arm]:
            who = f"the baseline {other!r}" if other == baseline else f"arm {other!r}"
            fault = Fault(f"arms.{arm}", f"changes nothing: it is the same trial as {who}")
            told[arm] = fault
    return located(study.placed, list(told.values()))


def _declared(study: Study, baseline: str, arms: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Arms, each with one that it was declared to differ from.

    Of an ablation that is the end that it changes: `full - A` may well be `base + B`, and a matched
    control may be the arm that it is matched to.
    """
    if study.spec.ablation is not None:
        for one in ablation_arms(study.spec.ablation, baseline):
            if one.kind in ("removed", "added", "swapped") and one.against is not None:
                yield one.name, one.against
        return
    order = [baseline, *(arm for arm in arms if arm != baseline)]
    for place, arm in enumerate(order):
        yield from ((arm, other) for other in order[:place])
