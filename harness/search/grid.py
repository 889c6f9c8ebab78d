"""Explicit points: arms crossed with axes, in the order of the file."""

from itertools import product

from harness.search.names import BASE, label
from harness.space.bind import Choice
from harness.space.study import StudySpec


def grid(spec: StudySpec) -> tuple[Choice, ...]:
    """Every arm at every combination of the axes' values, in the order of the file."""
    combinations = [
        dict(zip(spec.vary, values, strict=True)) for values in product(*spec.vary.values())
    ]
    if spec.arms:
        return tuple(
            Choice(arm, fields, values)
            for arm, fields in spec.arms.items()
            for values in combinations
        )
    telling = [path for path, values in spec.vary.items() if len(values) > 1] or list(spec.vary)
    return tuple(
        Choice(label({path: values[path] for path in telling}) or BASE, {}, values)
        for values in combinations
    )


def explicit(spec: StudySpec) -> tuple[Choice, ...]:
    """The points a study spells out. Where it searches, the study itself is no point of its own."""
    return () if spec.search and not spec.arms and not spec.vary else grid(spec)
