"""Declared arms that change nothing: in a study with a baseline such an arm is a mistake."""

from collections.abc import Iterable

from harness.errors import Fault
from harness.plan.plan import Planned
from harness.space.study import Study
from harness.space.validate import located


def idle_arms(study: Study, cells: Iterable[Planned]) -> list[Fault]:
    """Arms whose every trial is that of the baseline, or of an arm that stands before.

    Points of axes may be the same network (aliases); an arm was declared to differ. A study without
    a baseline compares nothing, so it may name one network twice.
    """
    baseline = study.spec.baseline
    trials: dict[str, dict[str, str]] = {}
    for planned in cells:
        cell = planned.cell
        at = f"{sorted(cell.choice.items(), key=str)} {cell.seed}"
        trials.setdefault(cell.arm, {})[at] = cell.id
    if baseline is None or not study.spec.arms:
        return []
    order = [baseline, *(arm for arm in trials if arm != baseline)]
    faults = []
    for place, arm in enumerate(order):
        same = next((one for one in order[:place] if trials.get(one) == trials.get(arm)), None)
        if same is not None and trials.get(arm):
            who = f"the baseline {same!r}" if same == baseline else f"arm {same!r}"
            faults.append(Fault(f"arms.{arm}", f"changes nothing: it is the same trial as {who}"))
    return located(study.placed, faults)
