"""The boxes of a picture: backbone maps and nodes, each with what is unusual of it."""

from collections import Counter
from collections.abc import Mapping
from html import escape
from typing import Any

from harness.graph.canvas import BOX_H, Canvas
from harness.graph.layout import input_key
from harness.graph.names import level_of
from harness.graph.spec import Graph, Node, Op
from harness.graph.wording import brief_label, cut, edge_words, op_label, usual, usual_ops

MARKS = {"added": "+", "changed": "~"}
"""Signs of nodes that another graph has not, or has otherwise."""


class Boxes:
    """Draws the boxes of a canvas. numbers: of the boxes, by key. marks: see `MARKS`, by key."""

    def __init__(
        self,
        graph: Graph,
        canvas: Canvas,
        inferred: Any,
        numbers: dict[str, int],
        marks: Mapping[str, str] | None = None,
    ) -> None:
        self.marks = marks or {}
        self.graph, self.canvas, self.inferred, self.numbers = graph, canvas, inferred, numbers
        self.outputs = {key for _, key in graph.outputs}
        self.notes = notes(graph, inferred)
        self.sets = sets_of_weights(graph)

    def drawn(self) -> list[str]:
        parts = []
        for level in self.graph.inputs:
            key = input_key(level)
            parts.append(self._box(key, key, "backbone", "map", f"{key}: backbone map"))
        for node in self.graph.nodes:
            kind = "extra" if is_extra(node) and node.key not in self.outputs else "box"
            kind += " out" if node.key in self.outputs else ""
            parts.append(
                self._box(node.key, node.name, self.notes[node.key], kind, self._hover(node))
            )
        return [*parts, *self._taps()]

    def _box(self, key: str, name: str, second: str, kind: str, hover: str) -> str:
        (x, y), wide = self.canvas.at(key), self.canvas.box_w
        shown = cut(name, int((wide - 6) / 6.0))
        lift = -1.0 if second else 4.0
        mark = self.marks.get(key, "")
        kind += f" mark {mark}" if mark else ""
        said = f"{hover}\n{mark}" if mark else hover
        parts = [
            f'<g class="n{self.numbers[key]}"><title>{escape(said)}</title>',
            f'<rect class="{kind}" x="{x - wide / 2:.1f}" y="{y - BOX_H / 2:.1f}" '
            f'width="{wide:.0f}" height="{BOX_H:.0f}" rx="7"/>',
            f'<text class="mid" x="{x:.1f}" y="{y + lift:.1f}">{escape(shown)}</text>',
        ]
        if second:
            small = escape(cut(second, int((wide - 8) / 4.3)))
            parts.append(f'<text class="tiny mid" x="{x:.1f}" y="{y + 11:.1f}">{small}</text>')
        if mark:
            place = f'x="{x - wide / 2 + 4:.1f}" y="{y - BOX_H / 2 + 10:.1f}"'
            parts.append(f'<text class="sign" {place}>{MARKS[mark]}</text>')
        if key in self.sets:
            place = f'x="{x + wide / 2 - 4:.1f}" y="{y - BOX_H / 2 + 9.5:.1f}"'
            parts.append(f'<text class="tiny end" {place}>{self.sets[key]}</text>')
        return "".join([*parts, "</g>"])

    def _hover(self, node: Node) -> str:
        inputs = []
        projected = self.inferred.projected if self.inferred is not None else ()
        for place, edge in enumerate(node.inputs):
            words = edge_words(edge, (), projected=(node.key, place) in projected)
            inputs.append(f"{edge.source} ({words})" if words else edge.source)
        lines = [
            f"{node.key} at p{node.level}",
            f"{op_label(node.fuse)} of " + ", ".join(inputs),
            f"then {op_label(node.block)}",
        ]
        if self.inferred is not None:
            facts = self.inferred.node(node.key)
            lines.append(f"{facts.channels} x {facts.height} x {facts.width}")
            lines.append(f"{facts.params:,} params, {facts.macs:,} multiply-adds")
        if node.key in self.sets:
            lines.append(f"set of weights {self.sets[node.key]}")
        return "\n".join(lines)

    def _taps(self) -> list[str]:
        """Further outputs: a small flag on top of the box."""
        parts = []
        names: dict[str, list[str]] = {}
        for name, key in self.graph.taps:
            names.setdefault(key, []).append(name)
        for key, found in names.items():
            x, y = self.canvas.at(key)
            left, top = x - self.canvas.box_w / 2 + 9, y - BOX_H / 2
            text = escape(", ".join(found))
            parts.append(
                f'<path class="tap" d="M{left:.1f} {top:.1f}v-12h9"/>'
                f'<text class="tiny" x="{left + 12:.1f}" y="{top - 9:.1f}">{text}</text>'
            )
        return parts


def notes(graph: Graph, inferred: Any) -> dict[str, str]:
    """What of each node is not as it is of most: fuse (a gate always), block, channels."""
    fuse, block = usual_ops(graph)
    channels = {node.key: _channels(node, inferred) for node in graph.nodes}
    common = usual(channels.values())
    found = {}
    for node in graph.nodes:
        words = []
        told = node.fuse.name == "gate" or op_label(node.fuse) != fuse
        if len(node.inputs) > 1 and told:
            words.append(brief_label(node.fuse))
        if op_label(node.block) != block and not (is_extra(node) and node.block.name == "none"):
            words.append("no block" if node.block.name == "none" else brief_label(node.block))
        words += [channels[node.key]] if channels[node.key] != common else []
        found[node.key] = " · ".join(words)
    return found


def _channels(node: Node, inferred: Any) -> str:
    if inferred is not None:
        return f"{inferred.node(node.key).channels} ch"
    return "" if node.channels is None else f"{node.channels:g}x"


def is_extra(node: Node) -> bool:
    """Whether a node is a level that an `extra` recipe made."""
    return level_of(node.name) is not None


def sets_of_weights(graph: Graph) -> dict[str, int]:
    """A number for every set of weights that several nodes have, by their keys."""
    users = Counter(map(_set, graph.nodes))
    shared = [one for one, count in users.items() if count > 1 and one[0] is not None]
    return {node.key: shared.index(_set(node)) + 1 for node in graph.nodes if _set(node) in shared}


def _set(node: Node) -> tuple[str | None, Op, float | None]:
    return node.share, node.block, node.channels
