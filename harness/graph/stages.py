"""Stages of a topology tree, read: what stands in each, how often, and what differs by repeat.

A file without `stages` is one stage, said at the top level. In a list of stages an entry holds rows
by name, or the fields of `STAGE_FIELDS`; or it is a whole `topology`; or it makes `extra` levels.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from harness.errors import SpecError
from harness.graph.args import is_whole
from harness.graph.cell import (
    Cell,
    Extra,
    ExtraStep,
    PerLevel,
    PlainNode,
    Rewrite,
    Route,
    Row,
    Settings,
    Stage,
    everywhere,
)
from harness.graph.families import FamilyReader
from harness.graph.faults import Faults, join
from harness.graph.names import level_of
from harness.graph.overlay import with_fields
from harness.graph.read import Reader
from harness.graph.rewrites import read_rewrite
from harness.graph.spec import Op, Projection

MOST_REPEATS = 256
"""More are a slip of the hand."""
STAGE_FIELDS = ("rows", "nodes", "outputs", "rewrites", "repeats", "extra", "topology")
EXTRA_FIELDS = ("down", "block", "projection", "first", "from", "levels")
REPEATS_FIELDS = ("n", "weights", "each")


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
    if is_whole(value) and 1 <= value <= MOST_REPEATS:
        return int(value)
    wanted = f"at most {MOST_REPEATS}" if is_whole(value) and value > 1 else "at least 1"
    faults.add(at, f"expected a whole number of {wanted}, got {value!r}")
    return 1


def read_extra(
    habit: Mapping[str, Any],
    given: Any,
    path: str,
    reader: Reader,
    down: PerLevel[Route],
    projection: Projection,
) -> Extra:
    """An `extra` recipe over that of the convention."""
    if not isinstance(given, Mapping):
        reader.faults.add(path, f"expected {', '.join(EXTRA_FIELDS[:3])}, got {given!r}")
        given = {}
    reader.faults.unknown_fields(given, EXTRA_FIELDS, path)
    said = {**habit, **given}
    rest = _extra_step(said, path, reader, down, projection)
    first = said.get("first", {})
    at = f"{path}.first"
    if not isinstance(first, Mapping):
        reader.faults.add(at, f"expected {', '.join(EXTRA_FIELDS[:3])}, got {first!r}")
        first = {}
    reader.faults.unknown_fields(first, EXTRA_FIELDS[:3], at)
    levels = said.get("levels")
    return Extra(
        first=_extra_step({**said, **first}, at, reader, down, projection) if first else rest,
        rest=rest,
        source=_source(said.get("from", "in"), f"{path}.from", reader.faults),
        levels=reader.levels(levels, f"{path}.levels") if levels is not None else None,
        path=path,
    )


def _source(value: Any, path: str, faults: Faults) -> str:
    if isinstance(value, str):
        return value
    faults.add(path, f"expected a name, got {value!r}")
    return "in"


def _extra_step(
    said: Mapping[str, Any],
    path: str,
    reader: Reader,
    down: PerLevel[Route],
    projection: Projection,
) -> ExtraStep:
    if "down" in said:
        read = partial(reader.route, "down")
        own = reader.leveled(said["down"], f"{path}.down", read)
        down = everywhere(own, down)
    if "projection" in said:
        projection = reader.projection(said["projection"], f"{path}.projection", projection)
    block = reader.op("block", said.get("block", "none"), f"{path}.block") or Op("none")
    return ExtraStep(down, block, projection)


class StageReader:
    """Reads one stage.

    extra: the recipe for extra levels that holds where a stage says no other.
    path: where the file says it, empty for a file of one stage.
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

    def read(self, tree: Mapping[str, Any], rewrites: Any = None) -> list[Stage]:
        """The stage. rewrites: of the whole topology, which come after the stage's own."""
        if self.path and "extra" in tree:
            self.faults.unknown_fields(tree, ("extra",), self.path)
            return [Stage(extra=self._extra(tree["extra"]), path=self.path)]
        if self.path:
            tree = self._under_rows(tree)
        repeats = repeats_of(tree, self.faults, self.path)
        shared, each = self._said_of_repeats(tree)
        trees = [tree, *self._turns(tree, each)]
        cells = [self._cell(one, rewrites) for one in (trees if len(trees) == 1 else trees[1:])]
        empty = not any(cell.rows or cell.nodes for cell in cells)
        return [] if empty else [Stage(tuple(cells), repeats, shared, path=self.path)]

    def _extra(self, given: Any) -> Extra:
        settings = self.settings
        return read_extra(
            self.extra, given, f"{self.path}.extra", self.reader, settings.down, settings.projection
        )

    def _under_rows(self, tree: Mapping[str, Any]) -> Mapping[str, Any]:
        """Rows said by name beside the fields of a stage are its rows."""
        rows = {key: value for key, value in tree.items() if key not in STAGE_FIELDS}
        fields = {key: value for key, value in tree.items() if key in STAGE_FIELDS}
        self.at_top = bool(rows)
        return {**fields, "rows": {**self._mapping(fields, "rows"), **rows}} if rows else fields

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
        """The stage as it is in each repeat until they start over."""
        at = f"{join(self.path, 'repeats')}.each"
        for path, values in each.items():
            if not isinstance(path, str):
                self.faults.add(f"{at}.{path}", f"expected a path, got {path!r}")
                return []
            if not isinstance(values, list | tuple) or not values:
                self.faults.add(f"{at}.{path}", f"expected a list of values, got {values!r}")
                return []
        turns = max((len(values) for values in each.values()), default=0)
        try:
            return [
                with_fields(tree, {p: values[i % len(values)] for p, values in each.items()})
                for i in range(turns)
            ]
        except SpecError as error:
            for fault in error.faults:
                self.faults.add(f"{at}.{fault.path}", fault.message)
            return []

    def _cell(self, tree: Mapping[str, Any], rewrites: Any) -> Cell:
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
                *self._rewrites(tree.get("rewrites"), join(self.path, "rewrites")),
                *self._rewrites(rewrites, "rewrites"),
            ),
            settings=self.settings,
        )

    def _at(self, kind: str, name: object) -> str:
        """Where a row or node stands in the file; rows of a stage may stand without `rows`."""
        bare = kind == "rows" and getattr(self, "at_top", False)
        return join(self.path, name if bare else f"{kind}.{name}")

    def _rewrites(self, value: Any, at: str) -> tuple[Rewrite, ...]:
        entries = value if isinstance(value, list | tuple) else [] if value is None else [value]
        read = [
            read_rewrite(one, f"{at}.{i}", self.faults, self.reader)
            for i, one in enumerate(entries)
        ]
        return tuple(one for one in read if one is not None)

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
