"""From a study's `ablation` section to its arms, its axis and its baseline."""

from collections.abc import Collection
from typing import Any

from harness.errors import Fault
from harness.space import axes
from harness.space.ablation import (
    RATE,
    AblationArm,
    AblationStudy,
    ablation_arms,
    default_baseline,
)
from harness.space.ablation_faults import SECTION, ablation_faults, wrong_paths
from harness.space.overlay import Placed, assign
from harness.space.study import StudySpec
from harness.space.validate import located


def with_arms(placed: Placed, spec: StudySpec) -> tuple[Placed, list[Fault]]:
    """The tree with the arms that its ablation names, and what is wrong with the section.

    Each value of an arm has the place where the section says it. Paths that cannot be are left
    out of the arms, so that they are told once.
    """
    said = spec.ablation
    if said is None:
        return placed, []
    baseline = spec.baseline or default_baseline(said)
    arms = ablation_arms(said, baseline)
    listed = isinstance(placed.within(SECTION).tree.get("matched"), list)
    faults = located(placed, ablation_faults(said, spec, baseline, arms, listed))
    wrong = wrong_paths(said, spec)
    rated = RATE not in (*said.tune, *spec.vary)
    for arm in arms:
        placed = _with_arm(placed, said, arm, wrong)
        placed = _with_rate(placed, said, arm) if rated else placed
    if said.tune and not any(fault.path.startswith(f"{SECTION}.tune") for fault in faults):
        placed = _with_axis(placed, *next(iter(said.tune.items())))
    place = placed.place((SECTION,))
    own = placed.tree.get("arms", {})
    ordered = {arm.name: own[arm.name] for arm in arms} | own
    placed = Placed({**placed.tree, "arms": ordered}, placed.places)
    if spec.baseline is None and arms:
        placed = assign(placed, ("baseline",), baseline, place)
    return placed, faults


def _with_arm(
    placed: Placed, said: AblationStudy, arm: AblationArm, wrong: Collection[str]
) -> Placed:
    """The tree with one arm more, each of its values placed where the section says it."""
    placed = assign(placed, ("arms", arm.name), {}, placed.place(_home(arm)))
    for path, value in arm.fields.items():
        if path not in wrong:
            place = placed.place(_said_at(said, arm, path))
            placed = assign(placed, ("arms", arm.name, path), value, place)
    return placed


def _with_rate(placed: Placed, said: AblationStudy, arm: AblationArm) -> Placed:
    """The tree with an arm's own learning rate; a matched arm has that of the arm it is of."""
    rated = arm.what if arm.kind == "matched" else arm.name
    rate = said.rates.get(arm.name, said.rates.get(rated))
    if rate is not None and RATE not in arm.fields:
        place = placed.place((SECTION, "rates", arm.name if arm.name in said.rates else rated))
        placed = assign(placed, ("arms", arm.name, RATE), rate, place)
    return placed


def _with_axis(placed: Placed, path: str, values: Any) -> Placed:
    place = placed.place((SECTION, "tune", path))
    placed = assign(placed, ("vary", path), list(values), place)
    return assign(placed, ("report", "tuned"), path, place)


def _home(arm: AblationArm) -> tuple[str, ...]:
    """Where the section says the arm as such."""
    group = {"removed": "parts", "added": "parts", "swapped": "swaps"}.get(arm.kind)
    if group is not None:
        return (SECTION, group, arm.what)
    return (SECTION, "matched") if arm.kind == "matched" else (SECTION,)


def home_of(spec: StudySpec, arm: str, path: str) -> str:
    """The dotted path at which a study says what an arm sets: in `ablation`, or under `arms`."""
    said = spec.ablation
    for one in ablation_arms(said, spec.baseline) if said else ():
        if said and one.name == arm and path in one.fields:
            return axes.join(_said_at(said, one, path))
        if said and one.name == arm and path == RATE:
            return f"{SECTION}.rates.{arm}"
    return f"arms.{arm}.{path}"


def _said_at(said: AblationStudy, arm: AblationArm, path: str) -> tuple[str, ...]:
    """Where the section says one value of an arm."""
    if arm.kind == "swapped":
        return (SECTION, "swaps", arm.what, path)
    part = next(name for name, part in said.parts.items() if path in part.without)
    return (SECTION, "parts", part, "without", path)


_ABSENT = object()
