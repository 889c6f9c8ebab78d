"""Seeds of a study and of arms that have their own: faults, and fewer of them by `--seeds`."""

from collections.abc import Iterator
from typing import Any

from harness.errors import Fault
from harness.space.overlay import Place, Placed, assign
from harness.space.study import SEEDS, StudySpec, seeds_said


def with_seeds(placed: Placed, number: int) -> Placed:
    """The tree as `--seeds` says: so many, counted from 0; of an arm's own list the first ones."""
    option = Place("--seeds")
    arms: Any = placed.within("arms").tree
    for arm, fields in arms.items():
        own = fields.get(SEEDS) if isinstance(fields, dict) else None
        if own is not None:
            fewer = own[:number] if isinstance(own, list) else number
            placed = assign(placed, ("arms", arm, SEEDS), fewer, option)
    return assign(placed, (SEEDS,), number, option)


def seed_faults(spec: StudySpec) -> Iterator[Fault]:
    """Seeds that stand twice, and what an arm says that is no seeds."""
    said = {SEEDS: spec.seeds} | {
        f"arms.{arm}.{SEEDS}": fields[SEEDS] for arm, fields in spec.arms.items() if SEEDS in fields
    }
    for path, seeds in said.items():
        if not _are_seeds(seeds):
            yield Fault(path, f"should be how many seeds, or a list of them, not {seeds!r}")
        elif len(set(seeds_said(seeds))) != len(seeds_said(seeds)):
            yield Fault(path, "a seed stands there twice")


def _are_seeds(said: Any) -> bool:
    if isinstance(said, list | tuple):
        return bool(said) and all(type(one) is int for one in said)
    return type(said) is int and said >= 1
