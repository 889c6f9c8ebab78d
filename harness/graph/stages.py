"""Stages of a topology tree, read: what stands in each, how often, and what differs by repeat.

A file without `stages` is one stage, said at the top level. In a list of stages an entry holds rows
by name, or the fields of `STAGE_FIELDS`; or it is a whole `topology`; or it makes `extra` levels.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from harness.errors import SpecError, did_you_mean
from harness.graph.args import is_whole
from harness.graph.cell import (
    Cell,
    Extra,
    PlainNode,
    Rewrite,
    Row,
    Settings,
    Stage,
)
from harness.graph.extras import read_extra
from harness.graph.families import FamilyReader
from harness.graph.faults import Faults, join
from harness.graph.names import level_of
from harness.graph.overlay import with_fields
from harness.graph.read import Reader
from harness.graph.rewrites import read_rewrites

STAGE_FIELDS = ("rows", "nodes", "outputs", "rewrites", "repeats", "extra", "topology")
REPEATS_FIELDS = ("n", "weights", "each")
CELL_FIELDS = ("rows", "nodes", "outputs", "rewrites")
"""What may differ between repeats."""
MOST_TURNS = 64


def stage_trees(tree: Mapping[str, Any], faults: Faults) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(path, fields) of every stage; rows said by name alone are put under `rows`."""
    if "stages" not in tree:
        if not tree.get("rows") and not tree.get("nodes"):
            if not faults:
                faults.add("", "a topology needs 'rows', 'nodes', 'stages' or 'derive'")
            return
        yield "", tree
        return
    for key in ("rows", "nodes", "outputs"):
        if key in tree:
            faults.add(key, f"'{key}' and 'stages' cannot stand side by side: say it in a stage")
    stages = tree["stages"]
    if not isinstance(stages, list | tuple) or not stages:
        faults.add("stages", f"expected a list of stages, got {stages!r}")
        return
    for i, one in enumerate(stages):
        if isinstance(one, Mapping):
            yield f"stages.{i}", one
        else:
            faults.add(f"stages.{i}", f"expected rows by name, got {one!r}")


def repeats_of(tree: Mapping[str, Any], faults: Faults, path: str = "") -> int:
    """`repeats: 3`, or `repeats: {n: 3, ...}`."""
    value, at = tree.get("repeats", 1), join(path, "repeats")
    if isinstance(value, Mapping):
        value, at = value.get("n", 1), f"{at}.n"
    if is_whole(value) and value >= 1:
        return int(value)
    faults.add(at, f"expected a whole number of at least 1, got {value!r}")
    return 1


class StageReader:
    """Reads one stage.

    extra: the recipe for extra levels that holds where a stage says no other.
    path: where the file says it, empty for a file of one stage.
    bare: rows that the stage says by name alone, without `rows`.
    """

    def __init__(
        self,
        reader: Reader,
        settings: Settings,
        extra: Mapping[str, Any],
        faults: Faults,
        path: str,
    ) -> None:
        self.reader, self.settings, self.extra = reader, settings, extra
        self.faults, self.path = faults, path
        self.bare: frozenset[str] = frozenset()

    def read(self, tree: Mapping[str, Any], after: tuple[Rewrite, ...] = ()) -> list[Stage]:
        """The stage, if there is anything in it. after: rewrites that come after its own."""
        if self.path and "extra" in tree:
            self.faults.unknown_fields(tree, ("extra",), self.path)
            return [Stage(extra=self._extra(tree["extra"]))]
        if self.path:
            tree = self._under_rows(tree)
        repeats = repeats_of(tree, self.faults, self.path)
        shared, each = self._said_of_repeats(tree)
        turns = self._turns(tree, each) or [tree]
        cells = tuple(self._cell(one, after) for one in turns)
        if any(cell.rows or cell.nodes for cell in cells):
            return [Stage(cells, repeats, shared)]
        if self.path and not self.faults.under(self.path):
            self.faults.add(self.path, "a stage needs rows or nodes, 'topology' or 'extra'")
        return []

    def _extra(self, given: Any) -> Extra:
        settings = self.settings
        return read_extra(
            self.extra, given, f"{self.path}.extra", self.reader, settings.down, settings.projection
        )

    def _under_rows(self, tree: Mapping[str, Any]) -> Mapping[str, Any]:
        """Rows said by name beside the fields of a stage are its rows."""
        bare = {key: value for key, value in tree.items() if key not in STAGE_FIELDS}
        rows = self._mapping(tree, "rows")
        for name in rows.keys() & bare.keys():
            self.faults.add(join(self.path, name), f"{name!r} stands under 'rows' as well")
        self.bare = frozenset(bare)
        fields = {key: value for key, value in tree.items() if key in STAGE_FIELDS}
        return {**fields, "rows": {**rows, **bare}}

    def _said_of_repeats(self, tree: Mapping[str, Any]) -> tuple[bool, Mapping[str, Any]]:
        """Whether all repeats have one set of weights, and what differs between them."""
        value = tree.get("repeats")
        at = join(self.path, "repeats")
        if not isinstance(value, Mapping):
            return False, {}
        self.faults.unknown_fields(value, REPEATS_FIELDS, at)
        weights = value.get("weights", "own")
        if weights not in ("own", "shared"):
            self.faults.add(f"{at}.weights", f"expected own or shared, got {weights!r}")
        each = value.get("each", {})
        if not isinstance(each, Mapping):
            self.faults.add(f"{at}.each", f"expected paths with a list of values, got {each!r}")
            each = {}
        return weights == "shared", each

    def _turns(self, tree: Mapping[str, Any], each: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The stage as it is in each repeat until they start over; none where nothing differs."""
        at = f"{join(self.path, 'repeats')}.each"
        wrong = {path: self._wrong_each(path, values) for path, values in each.items()}
        for path, reason in wrong.items():
            if reason is not None:
                self.faults.add(f"{at}.{path}", reason)
        if any(wrong.values()) or not each:
            return []
        turns = math.lcm(*map(len, each.values()))
        if turns > MOST_TURNS:
            lengths = ", ".join(str(len(values)) for values in each.values())
            reason = f"lists of {lengths} values start over together after {turns} repeats"
            self.faults.add(at, f"{reason}: expected at most {MOST_TURNS}")
            return []
        try:
            return [
                with_fields(
                    tree, {self._in_tree(p): values[i % len(values)] for p, values in each.items()}
                )
                for i in range(turns)
            ]
        except SpecError as error:
            for fault in error.faults:
                self.faults.add(f"{at}.{fault.path}", fault.message)
            return []

    def _wrong_each(self, path: object, values: Any) -> str | None:
        """What is wrong with an entry of `each`."""
        head, known = str(path).partition(".")[0], (*CELL_FIELDS, *sorted(self.bare))
        if head not in known:
            return f"{head!r} does not differ by repeat{did_you_mean(head, known)}"
        if not isinstance(values, list | tuple) or not values:
            return f"expected a list of values, got {values!r}"
        return None

    def _in_tree(self, path: str) -> str:
        """A path into the stage; of a row that is said by name alone, under `rows`."""
        return f"rows.{path}" if path.partition(".")[0] in self.bare else path

    def _cell(self, tree: Mapping[str, Any], after: tuple[Rewrite, ...]) -> Cell:
        families = FamilyReader(self.reader, self.settings)
        rows: list[Row] = []
        for name, fields in self._mapping(tree, "rows").items():
            at = self._at("rows", name)
            row = families.row(name, fields, at)
            if row is not None:
                rows.append(row)
        nodes: list[PlainNode] = []
        for name, fields in self._mapping(tree, "nodes").items():
            at = self._at("nodes", name)
            node = families.node(name, fields, at)
            if node is not None:
                nodes.append(node)
        return Cell(
            rows=tuple(rows),
            nodes=tuple(nodes),
            outputs=self._outputs(tree),
            rewrites=(
                *read_rewrites(tree.get("rewrites"), join(self.path, "rewrites"), self.reader),
                *after,
            ),
            settings=self.settings,
            path=self.path,
        )

    def _at(self, kind: str, name: object) -> str:
        """Where a row or node stands in the file; rows of a stage may stand without `rows`."""
        bare = kind == "rows" and name in self.bare
        return join(self.path, name if bare else f"{kind}.{name}")

    def _outputs(self, tree: Mapping[str, Any]) -> tuple[tuple[int, str], ...]:
        outputs: dict[int, str] = {}
        for key, name in self._mapping(tree, "outputs").items():
            at = join(self.path, f"outputs.{key}")
            level = level_of(key) if isinstance(key, str) else None
            if level is None:
                self.faults.add(at, f"expected a level such as p4, got {key!r}")
            elif not isinstance(name, str):
                self.faults.add(at, f"expected the name of a node, got {name!r}")
            else:
                outputs[level] = name
        return tuple(sorted(outputs.items()))

    def _mapping(self, tree: Mapping[str, Any], key: str) -> Mapping[Any, Any]:
        value = tree.get(key, {})
        if isinstance(value, Mapping):
            return value
        self.faults.add(join(self.path, key), f"expected names with their fields, got {value!r}")
        return {}
