"""NAS-FPN's space: merging cells, each joining two maps of a growing pool.

Ghiasi, Lin, Pang, Le: NAS-FPN (CVPR 2019, arXiv 1904.07392), section 3.1. The pool holds the maps
of all levels first. A cell takes two different maps of it, a level and a fuse, and its own map
joins the pool. The last cells, one a level, make the outputs; the order of the levels is drawn too.

As in the paper, cells before those make no map of the finest level (`inner_levels` says others).
As in its code (tensorflow/models, `nasfpn.py`), an output cell takes in, besides its two, every map
of its level that nothing has read so far, so that no cell is in vain: into a sum, or added to what
a gate makes (`role: add`); to any other fuse it is one input more. How maps get to a cell's level,
its block and the projections are the language's, by the conventions: with `nas_fpn`, nearest
upsampling, max pooling, and ReLU, 3x3 convolution, norm after every fuse.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.graph.ops import FUSES
from harness.search.topologies.base import AbstractTopologySpace, Pick, Tree, named


@dataclass(frozen=True, slots=True)
class MergingCells(AbstractTopologySpace):
    """Picks, for each cell: `cell3.first`, `cell3.second`, `cell3.level`, `cell3.fuse`, and
    `cell3.block` where there are several.

    span: levels of inputs and outputs. cells: how many, those of the outputs included.
    fuses, blocks: by a word for each, as a tree says them; without blocks the conventions' holds.
    """

    span: tuple[int, int]
    cells: int
    fuses: Mapping[str, Any]
    blocks: Mapping[str, Any]
    inner_levels: tuple[int, int]
    conventions: str
    repeats: int

    @property
    def levels(self) -> tuple[int, int]:
        return self.span

    def draw(self, pick: Pick) -> Tree:
        left = list(range(self.span[0], self.span[1] + 1))
        pool = {f"p{level}": level for level in left}
        first_output = self.cells - len(left) + 1
        read: set[str] = set()
        nodes: dict[str, Tree] = {}
        outputs: dict[int, str] = {}
        for number in range(1, self.cells + 1):
            cell = f"cell{number}"
            sources = list(_two(cell, list(pool), pick))
            read.update(sources)
            if number < first_output:
                level = self._inner_level(cell, pick)
            else:
                level = _output_level(cell, self.span[0], left, pick)
                outputs[level] = cell
                sources += [name for name in pool if pool[name] == level and name not in read]
                read.update(sources)
            nodes[cell] = self._node(cell, level, sources, pick)
            pool[cell] = level
        ends = {f"p{level}": outputs[level] for level in sorted(outputs)}
        return named("cells", {**self._settings(), "nodes": nodes, "outputs": ends})

    def _settings(self) -> Tree:
        return {
            "conventions": self.conventions,
            "levels": f"p{self.span[0]}..p{self.span[1]}",
            "repeats": self.repeats,
        }

    def _inner_level(self, cell: str, pick: Pick) -> int:
        finest, coarsest = self.inner_levels
        words = [f"p{level}" for level in range(finest, coarsest + 1)]
        return int(pick(f"{cell}.level", words)[1:])

    def _node(self, cell: str, level: int, sources: list[str], pick: Pick) -> Tree:
        fuse = self.fuses[pick(f"{cell}.fuse", tuple(self.fuses))]
        added = "add" in FUSES.get(next(iter(fuse)) if isinstance(fuse, Mapping) else fuse).roles
        rest = [{"from": name, "role": "add"} if added else name for name in sources[2:]]
        node: Tree = {"level": f"p{level}", "from": [*sources[:2], *rest], "fuse": fuse}
        if self.blocks:
            node["block"] = self.blocks[pick(f"{cell}.block", tuple(self.blocks))]
        return node


def _two(cell: str, pool: list[str], pick: Pick) -> tuple[str, str]:
    """Two different maps. The second is picked of all but the newest, which stands for the first
    picked again: so every pair is as likely as any other, and the options are always the same."""
    first = pick(f"{cell}.first", pool)
    second = pick(f"{cell}.second", pool[:-1])
    return first, second if second != first else pool[-1]


def _output_level(cell: str, finest: int, left: list[int], pick: Pick) -> int:
    """One of the levels that are left, which it then no longer is.

    Picked is a place, called by the level that stood there first: as many places as levels are
    left, from the finest. The last level moves into the place that is taken. So every order is as
    likely as any other, and the options of a cell are always the same.
    """
    words = [f"p{finest + place}" for place in range(len(left))]
    place = words.index(pick(f"{cell}.level", words))
    level, last = left[place], left.pop()
    if place < len(left):
        left[place] = last
    return level
