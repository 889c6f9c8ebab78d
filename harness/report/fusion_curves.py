"""Normalised fusion weights over training, node by node: EfficientDet's figure 5.

The paper draws three nodes of one network under softmax and under fast normalised fusion. Here the
arms of a study stand side by side and the nodes below each other: first those that all arms have,
and that moved most.
Weights are of one seed: averages over seeds would hide that seeds part.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from textwrap import fill
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.records import EpochLog, TrialRecord
from harness.report.style import MARKERS, SOFT, colours, figures
from harness.report.summary import ArmSummary

MOST_ARMS, MOST_NODES = 4, 6
FIRST = ("softmax", "fast", "none")
"""Norms in the order in which arms are shown: the paper's two beside each other."""

Row = tuple[str, tuple[str, ...]]
"""A node's key and the names of its inputs: a node with other inputs is another row."""


@dataclass(frozen=True, slots=True)
class NodeCurves:
    """One node of one arm: a weight for each input at each epoch. epochs: 0 is before training."""

    key: str
    inputs: tuple[str, ...]
    epochs: tuple[int, ...]
    weights: tuple[tuple[float, ...], ...]

    @property
    def moved(self) -> float:
        """Largest distance of a weight from where it started; what diverged is left out."""
        distances = (abs(w - row[0]) for row in self.weights for w in row)
        return max(filter(isfinite, distances), default=0.0)


@dataclass(frozen=True, slots=True)
class ArmCurves:
    """One arm in one seed. norm, per: of its weighted nodes (of the first, where they differ)."""

    label: str
    norm: str
    per: str
    seed: int
    nodes: Mapping[Row, NodeCurves]


@dataclass(frozen=True, slots=True)
class CurvesInfo:
    """What is drawn. rows: nodes, see `_rows` for their order; arms: columns."""

    rows: tuple[Row, ...]
    arms: tuple[ArmCurves, ...]
    rows_left_out: int
    arms_left_out: tuple[str, ...]
    by_mean: bool = False
    """Whether those were left out, within a norm, for their lower mean AP."""

    @property
    def caption(self) -> str:
        """What must be known to read the picture."""
        seeds = {arm.seed for arm in self.arms}
        seed = f"seed {min(seeds)}" if len(seeds) == 1 else "the first seed of each arm"
        words = f"Normalised fusion weights by epoch, {seed}; a line an input. Epoch 0 is the "
        words += "start, where all raw weights are one; no moving average is in them."
        if means := [arm.label for arm in self.arms if arm.per != "scalar"]:
            words += f" Means over channels or pixels: {'; '.join(means)}."
        if self.rows_left_out:
            words += (
                f" The {len(self.rows)} nodes that moved most, those that more arms have first;"
            )
            words += f" {self.rows_left_out} are left out."
        if self.arms_left_out:
            why = ", of lower mean AP" if self.by_mean else ""
            words += f" Without {'; '.join(self.arms_left_out)}{why}."
        return words


def fusion_curves(
    trials: Mapping[str, Sequence[TrialRecord]], arms: Sequence[ArmSummary] = ()
) -> CurvesInfo | None:
    """Curves of the arms that learn weights, or None where none does.

    trials: records of each arm, by its label. arms: what they measured: where there is no room for
    all of one norm, those not separated from the highest mean are shown, then the highest means.
    """
    order = _best_first(arms)
    trials = dict(sorted(trials.items(), key=lambda one: order.get(one[0], len(order))))
    done_first = {label: sorted(held, key=_is_cut_short) for label, held in trials.items()}
    read = [[_arm(label, one) for one in held] for label, held in done_first.items()]
    learned = [kept for arms in read if (kept := [arm for arm in arms if arm.nodes])]
    found = _norms_in_turn(_of_one_seed(learned))
    if not found:
        return None
    shown, rest = found[:MOST_ARMS], found[MOST_ARMS:]
    rows = _rows(shown)
    return CurvesInfo(
        rows=tuple(rows[:MOST_NODES]),
        arms=tuple(shown),
        rows_left_out=max(0, len(rows) - MOST_NODES),
        arms_left_out=tuple(arm.label for arm in rest),
        by_mean=bool(order) and len({arm.norm for arm in found}) == 1,
    )


def _best_first(arms: Sequence[ArmSummary]) -> dict[str, int]:
    """The place of each label."""
    known = [(not arm.in_best_set, -arm.ap.mean, arm.label) for arm in arms if arm.ap is not None]
    return {label: place for place, (*_, label) in enumerate(sorted(known))}


def _rows(arms: Sequence[ArmCurves]) -> list[Row]:
    """Nodes that more arms have first, among these those that moved most in any arm."""
    held: dict[Row, list[float]] = {}
    for arm in arms:
        for row, one in arm.nodes.items():
            held.setdefault(row, []).append(one.moved)
    return sorted(held, key=lambda row: (-len(held[row]), -max(held[row])))


def _norms_in_turn(arms: Sequence[ArmCurves]) -> list[ArmCurves]:
    """The first arm of each norm, then the second of each: none is crowded out by another."""
    seen: Counter[str] = Counter()
    placed = []
    for i, arm in enumerate(arms):
        rank = FIRST.index(arm.norm) if arm.norm in FIRST else len(FIRST)
        placed.append((seen[arm.norm], rank, i, arm))
        seen[arm.norm] += 1
    return [arm for *_, arm in sorted(placed, key=lambda one: one[:3])]


def _is_cut_short(record: TrialRecord) -> bool:
    return record.status != "done"


def _of_one_seed(arms: Sequence[Sequence[ArmCurves]]) -> list[ArmCurves]:
    """Of each arm the first seed that all of them have; its own first one where there is none."""
    seeds = [[one.seed for one in held] for held in arms]
    common = [seed for seed in seeds[0] if all(seed in held for held in seeds)] if seeds else []
    return [next((one for one in held if one.seed in common[:1]), held[0]) for held in arms]


def _arm(label: str, record: TrialRecord) -> ArmCurves:
    """The weighted nodes of a trial that learn; none where it logged nothing."""
    nodes = record.spec["model"]["feature_network"]["graph"]["nodes"]
    logged = [row for row in record.curve if row.fusion_weights]
    norm, per = "", ""
    found: dict[Row, NodeCurves] = {}
    for node in nodes if logged else ():
        key, fuse = f"{node['name']}@{node['repeat']}", node["fuse"].get("weighted")
        is_logged = all(key in row.fusion_weights for row in logged)
        if fuse and is_logged and not fuse["frozen"] and len(node["inputs"]) > 1:
            norm, per = norm or str(fuse["norm"]), per or str(fuse["per"])
            one = _node(key, node, fuse, logged)
            found[key, one.inputs] = one
    return ArmCurves(label, norm, per, int(record.spec["seeds"]["init"]), found)


def _node(
    key: str, node: Mapping[str, Any], fuse: Mapping[str, Any], logged: Sequence[EpochLog]
) -> NodeCurves:
    names = tuple(_named(one["source"]) for one in node["inputs"])
    begin = start(str(fuse["norm"]), len(names), float(fuse["eps"]))
    rows = zip(*(row.fusion_weights[key] for row in logged), strict=True)
    return NodeCurves(
        key,
        names,
        (0, *(row.epoch for row in logged)),
        tuple((begin, *row) for row in rows),
    )


def _named(source: str) -> str:
    """A source without its repeat, where that is the extra levels' 0."""
    return source.removesuffix("@0")


def start(norm: str, inputs: int, eps: float) -> float:
    """A normalised weight before training: raw weights are one (arXiv 1911.09070, section 3.3)."""
    return {"fast": 1 / (inputs + eps), "softmax": 1 / inputs}.get(norm, 1.0)


def draw_fusion_curves(info: CurvesInfo) -> Figure:
    """A column an arm, a row a node. Shares span 0 to 1, unbounded weights what they need."""
    rows, columns = len(info.rows), len(info.arms)
    fig, panels = figures(max(3.6, 2.0 + 1.9 * columns), 0.7 + 1.25 * rows, rows, columns)
    limits = [_limits(arm.nodes.values()) for arm in info.arms]
    for j, arm in enumerate(info.arms):
        panels[0, j].set_ylim(*limits[j])  # which its column shares
        panels[0, j].set_title(fill(arm.label, 22), loc="left")
        for i, row in enumerate(info.rows):
            _draw_node(panels[i, j], arm.nodes.get(row))
            panels[i, j].tick_params(labelleft=j == 0 or limits[j] != limits[j - 1])
    for i, (key, inputs) in enumerate(info.rows):
        panels[i, 0].set_ylabel(key)
        handles = next(lines for axes in panels[i] if (lines := axes.get_lines()))
        beside = panels[i, columns - 1]
        beside.legend(handles, inputs, loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)
    for axes in panels.flat:
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    fig.supxlabel("epoch", fontsize=9, color=SOFT)
    return fig


def _draw_node(axes: Any, one: NodeCurves | None) -> None:
    if one is None:
        axes.text(0.5, 0.5, "no such node", transform=axes.transAxes, ha="center", color=SOFT)
        return
    paint = colours(len(one.inputs))
    for i, row in enumerate(one.weights):
        axes.plot(
            one.epochs,
            row,
            color=paint[i],
            linewidth=1.5,
            marker=MARKERS[i % len(MARKERS)],
            markersize=3,
            markevery=max(1, len(row) // 8),
        )


def _limits(curves: Iterable[NodeCurves]) -> tuple[float, float]:
    """0 to 1 for shares; wider where unbounded weights leave that."""
    weights = (weight for one in curves for row in one.weights for weight in row)
    values = [0.0, 1.0, *filter(isfinite, weights)]
    low, high = min(values), max(values)
    return low - 0.05 * (low < 0), high + 0.05 * (high > 1)
