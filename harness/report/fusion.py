"""How far learned fusion weights moved. Where they hardly did, their arm tested nothing.

Movement of a trial: over all nodes, the mean absolute change of a normalised fusion weight from
the first logged epoch to the last. `MOVED` = 0.02 is the least that counts: weights start at 1/2
or 1/3, so less than that means shares that changed by under a twentieth. An arm whose mean
movement is smaller is reported as "not tested": its AP says nothing on weighted fusion.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.records import EpochLog, TrialRecord
from harness.statistics.estimates import Estimate, estimate

MOVED = 0.02


@dataclass(frozen=True, slots=True)
class FusionArm:
    """What the weights of one arm did. nodes: (node key, first, last) of its first seed."""

    label: str
    moved: Estimate
    nodes: tuple[tuple[str, tuple[float, ...], tuple[float, ...]], ...]
    frozen: bool = False
    """Held still on purpose: a control."""

    @property
    def tested(self) -> bool:
        return self.moved.mean >= MOVED

    @property
    def verdict(self) -> str:
        if self.frozen:
            return "frozen on purpose (control)"
        return "moved" if self.tested else f"not tested (moved less than {MOVED})"


def fusion_arms(trials: Mapping[str, Sequence[TrialRecord]]) -> tuple[FusionArm, ...]:
    """The arms that have learned fusion weights, from the curves of their finished trials: what was
    stopped or cut has had less time to move them."""
    arms = []
    for label, records in trials.items():
        done = [record for record in records if record.status == "done"]
        ends = [found for record in done if (found := _ends(record.curve)) is not None]
        moved = estimate([movement(first, last) for first, last in ends])
        if moved is None:
            continue
        first, last = ends[0]
        nodes = tuple((key, tuple(first[key]), tuple(last[key])) for key in first)
        arms.append(FusionArm(label, moved, nodes, _frozen(records[0].spec)))
    return tuple(arms)


def _frozen(spec: Mapping[str, Any]) -> bool:
    """Whether every weighted fuse of the network says `frozen`."""
    nodes = spec["model"]["feature_network"]["graph"]["nodes"]
    fuses = [node["fuse"]["weighted"] for node in nodes if "weighted" in node["fuse"]]
    return bool(fuses) and all(fuse["frozen"] for fuse in fuses)


def movement(first: Mapping[str, Sequence[float]], last: Mapping[str, Sequence[float]]) -> float:
    """Mean absolute change over every weight of every node."""
    changes = [
        abs(after - before)
        for key in first
        for before, after in zip(first[key], last[key], strict=True)
    ]
    return sum(changes) / len(changes)


def _ends(
    curve: Sequence[EpochLog],
) -> tuple[Mapping[str, Sequence[float]], Mapping[str, Sequence[float]]] | None:
    logged = [row.fusion_weights for row in curve if any(row.fusion_weights.values())]
    return (logged[0], logged[-1]) if len(logged) > 1 else None
