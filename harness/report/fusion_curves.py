"""Normalised fusion weights over training, node by node: EfficientDet's figure 5.

The paper draws three nodes of one network under softmax and under fast normalised fusion. Here the
arms of a study stand side by side and the nodes below each other, those that moved most first.
Weights are of the first seed: averages over seeds would hide that seeds part.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.records import EpochLog, TrialRecord
from harness.report.style import MARKERS, SOFT, colours, figures

MOST_ARMS, MOST_NODES = 4, 6
FIRST = ("softmax", "fast", "none")
"""Norms in the order in which arms are shown: the paper's two beside each other."""


@dataclass(frozen=True, slots=True)
class NodeCurves:
    """One node of one arm: a weight for each input at each epoch. epochs: 0 is before training."""

    key: str
    inputs: tuple[str, ...]
    epochs: tuple[int, ...]
    weights: tuple[tuple[float, ...], ...]

    @property
    def moved(self) -> float:
        """Largest distance of a weight from where it started."""
        return max(abs(w - row[0]) for row in self.weights for w in row)


@dataclass(frozen=True, slots=True)
class CurvesInfo:
    """What is drawn. nodes: their keys, rows of the picture; arms: columns, curves by node."""

    nodes: tuple[str, ...]
    arms: tuple[tuple[str, Mapping[str, NodeCurves]], ...]
    nodes_left_out: int
    arms_left_out: tuple[str, ...]
    seed: int

    @property
    def caption(self) -> str:
        """What must be known to read the picture."""
        words = f"Normalised fusion weights by epoch, seed {self.seed}; a line an input. "
        words += "Epoch 0 is the start, where all raw weights are one."
        if self.nodes_left_out:
            words += f" The {len(self.nodes)} nodes that moved most; {self.nodes_left_out} are left"
            words += " out."
        if self.arms_left_out:
            words += f" Without {', '.join(self.arms_left_out)}."
        return words


def fusion_curves(trials: Mapping[str, Sequence[TrialRecord]]) -> CurvesInfo | None:
    """Curves of the arms that learn weights, or None where none does.

    trials: records of each arm, by its label; the first of each is shown.
    """
    found = []
    for label, records in trials.items():
        norm, curves = _curves(records[0])
        if curves:
            found.append((norm, label, curves))
    if not found:
        return None
    found.sort(key=lambda one: FIRST.index(one[0]) if one[0] in FIRST else len(FIRST))
    shown, rest = found[:MOST_ARMS], found[MOST_ARMS:]
    moved: dict[str, float] = {}
    for _, _, curves in shown:
        for key, one in curves.items():
            moved[key] = max(moved.get(key, 0.0), one.moved)
    nodes = sorted(moved, key=lambda key: -moved[key])
    first = next(iter(trials[shown[0][1]]))
    return CurvesInfo(
        nodes=tuple(nodes[:MOST_NODES]),
        arms=tuple((label, curves) for _, label, curves in shown),
        nodes_left_out=max(0, len(nodes) - MOST_NODES),
        arms_left_out=tuple(label for _, label, _ in rest),
        seed=int(first.spec["seeds"]["init"]),
    )


def _curves(record: TrialRecord) -> tuple[str, dict[str, NodeCurves]]:
    """The norm of a trial's weighted nodes (the first one's), and their curves where they learn."""
    nodes = record.spec["model"]["feature_network"]["graph"]["nodes"]
    logged = [row for row in record.curve if row.fusion_weights]
    norm, found = "", {}
    for node in nodes if logged else ():
        key, fuse = f"{node['name']}@{node['repeat']}", node["fuse"].get("weighted")
        is_logged = all(key in row.fusion_weights for row in logged)
        if fuse and is_logged and not fuse["frozen"] and len(node["inputs"]) > 1:
            norm = norm or str(fuse["norm"])
            found[key] = _node(key, node, fuse, logged)
    return norm, found


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
    rows, columns = len(info.nodes), len(info.arms)
    fig, panels = figures(max(3.6, 2.0 + 1.9 * columns), 0.7 + 1.25 * rows, rows, columns)
    limits = [_limits(curves.values()) for _, curves in info.arms]
    for i, key in enumerate(info.nodes):
        for j, (label, curves) in enumerate(info.arms):
            axes = panels[i, j]
            if key in curves:
                _draw_node(axes, curves[key])
            axes.set_ylim(*limits[j])
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            is_other = j == 0 or limits[j] != limits[j - 1]
            axes.tick_params(labelbottom=i == rows - 1, labelleft=is_other)
            if i == 0:
                axes.set_title(label, loc="left")
            if j == 0:
                axes.set_ylabel(key)
        shown = next(curves[key] for _, curves in info.arms if key in curves)
        handles = panels[i, columns - 1].get_lines() or panels[i, 0].get_lines()
        panels[i, columns - 1].legend(
            handles, shown.inputs, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0
        )
    fig.supxlabel("epoch", fontsize=9, color=SOFT)
    return fig


def _draw_node(axes: Any, one: NodeCurves) -> None:
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
    values = [weight for one in curves for row in one.weights for weight in row]
    low, high = min(0.0, *values), max(1.0, *values)
    return low - 0.05 * (low < 0), high + 0.05 * (high > 1)
