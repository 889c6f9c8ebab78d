"""Topology -> Graph: stages, rows, rewrites and repeats written out as plain nodes.

Levels up to the topology's `last_backbone_level` (5), or those it names as `inputs`, are bound to
backbone maps (`p3`, `p4`, ...). Coarser ones are made by the `extra` recipe, each from the next
finer level: first of all, as nodes of repeat 0 (`p6@0`), unless a stage of the topology makes them.
Each repeat is given the outputs of the one before, each stage those of the stage before. Nodes
that nothing needs in the end (as those that only a later repeat would have read) are left out, and
so are blocks of nodes that are only read before them.
"""

from collections.abc import Iterator

from harness.errors import did_you_mean
from harness.graph.cell import Extra, Stage
from harness.graph.check import check_used
from harness.graph.draft import Link, Sketch
from harness.graph.earlier import Earlier
from harness.graph.faults import Faults
from harness.graph.idle import needed, without_idle_blocks
from harness.graph.names import level_of
from harness.graph.ops import BLOCKS, FUSES
from harness.graph.repeats import RepeatedCell, Socket
from harness.graph.spec import Edge, Graph, Node, Op, Topology
from harness.graph.stages import MOST_REPEATS

_SUM = Op("sum")


def expand(
    topology: Topology, *, repeats: int | None = None, levels: tuple[int, int] | None = None
) -> Graph:
    """The graph of a topology; a `SpecError` holds every fault of its structure."""
    faults = Faults()
    graph = expand_into(topology, faults, repeats=repeats, levels=levels)
    faults.raise_any()
    assert graph is not None
    return graph


def expand_into(
    topology: Topology,
    faults: Faults,
    *,
    repeats: int | None = None,
    levels: tuple[int, int] | None = None,
) -> Graph | None:
    """The graph, or None where faults were found now or before."""
    line = _line(topology, faults, repeats, levels)
    return line.graph() if line is not None else None


def only_sketch(topology: Topology, levels: tuple[int, int] | None = None) -> Sketch | None:
    """The cell of a topology that is one cell, whatever the repeat; None of any other, or a wrong
    one."""
    faults, stages = Faults(), topology.blueprint.stages
    if len(stages) != 1 or len(stages[0].cells) != 1:
        return None
    line = _line(topology, faults, None, levels)
    return line.cells[0].steady[0] if line is not None and not faults else None


def _line(
    topology: Topology, faults: Faults, repeats: int | None, levels: tuple[int, int] | None
) -> "_Line | None":
    """All stages in a row; None where there is nothing to put there."""
    blueprint = topology.blueprint
    finest, coarsest = topology.levels if levels is None else levels
    count = topology.repeats if repeats is None else repeats
    if count > MOST_REPEATS:
        reason = f"expected a whole number of at most {MOST_REPEATS}, got {count!r}"
        faults.add("repeats", reason)
        return None
    if count < 1:
        faults.add("repeats", f"expected a whole number of at least 1, got {count!r}")
    elif repeats is not None and repeats > 1 and blueprint.repeated is None:
        faults.add("repeats", f"no stage of {topology.name!r} repeats: it is there once")
    bound = blueprint.inputs or (finest, min(coarsest, blueprint.last_backbone_level))
    if finest > coarsest or bound[0] > bound[1]:
        last = blueprint.last_backbone_level
        reason = f"p{finest}..p{coarsest} holds no level that the backbone has (up to p{last})"
        faults.add("levels", reason)
        return None
    if not blueprint.stages:
        return None
    line = _Line(topology, range(finest, coarsest + 1), range(bound[0], bound[1] + 1), faults)
    for i, stage in enumerate(blueprint.stages):
        line.add(stage, count if i == blueprint.repeated else stage.repeats)
    return line


class _Line:
    """Stages one after another. given: the map of each level as it stands, by key."""

    def __init__(self, topology: Topology, levels: range, inputs: range, faults: Faults) -> None:
        self.topology, self.levels, self.inputs, self.faults = topology, levels, inputs, faults
        self.settings = topology.blueprint.settings
        self.nodes: list[Node] = []
        self.given = {level: f"p{level}" for level in inputs}
        self.earlier = Earlier.backbone(inputs)
        self.cells: list[RepeatedCell] = []
        self.ordinal = 0
        stages = topology.blueprint.stages
        self.free = {
            level
            for stage in stages
            if stage.extra is not None
            for level in _extra_levels(stage.extra, levels, inputs[-1])
        }
        self.last = max((i for i, stage in enumerate(stages) if stage.cells), default=0)
        self.done = 0
        if not self.free:
            self._extra(topology.blueprint.extra, faults)

    def add(self, stage: Stage, count: int) -> None:
        if stage.extra is not None:
            self.ordinal += 1
            self._extra(stage.extra, self.faults.within(stage.inside))
        else:
            self._cell(stage, count, final=self.done == self.last)
        self.done += 1

    def graph(self) -> Graph | None:
        """The whole graph; None where there are faults."""
        if not self.cells:
            self.faults.add("stages", "no stage has rows or nodes")
        tapped = [(name, self._tapped(name, node)) for name, node in self._taps()]
        read = {key for cell in self.cells for key in cell.read_earlier()}
        read.update(key for _, key in tapped)
        for cell in self.cells:
            check_used(cell.steady, cell.sketchers, cell.names_of(read), cell.faults)
        if self.faults:
            return None
        outputs = tuple((level, self.given[level]) for level in self.levels)
        taps = tuple(sorted(tapped))
        inputs = tuple(self.inputs)
        ends = [key for _, key in (*outputs, *taps)]
        nodes = without_idle_blocks(needed(self.nodes, ends), ends)
        return Graph(self.topology.name, inputs, nodes, outputs, taps)

    def _taps(self) -> tuple[tuple[str, str], ...]:
        return self.topology.blueprint.taps

    def _tapped(self, name: str, node: str) -> str:
        keys = self.earlier.nodes.get(node, ())
        if not keys or "@" not in keys[-1]:
            near = did_you_mean(node, self.earlier.nodes)
            unknown = f"no node {node!r} to tap{near}"
            reason = f"{node!r} is the backbone's own map, not a node" if keys else unknown
            self.faults.add(f"taps.{name}", reason)
            return ""
        return keys[-1]

    # Cells.

    def _cell(self, stage: Stage, count: int, *, final: bool) -> None:
        must = [level for level in self.levels if level not in self.free] if final else []
        faults = self.faults.within(stage.inside)
        cell = RepeatedCell(stage, count, self.levels, self.given, self.earlier, faults)
        cell.check(must)
        self.cells.append(cell)
        first, count = self.ordinal + 1, max(1, count)
        self.ordinal += count
        keys: list[dict[str, str]] = [{}]
        for repeat in range(1, count + 1):
            here = {f"p{level}": key for level, key in self.given.items()}
            ordinal = first + repeat - 1
            here.update((name, f"{name}@{ordinal}") for name in cell.sketch(repeat).drafts)
            keys.append(here)
            if not self.faults:
                home = first if stage.shared else ordinal
                self.nodes.extend(_repeat(cell, repeat, ordinal, home, keys))
                outputs = cell.sketch(repeat).outputs.items()
                self.given |= {level: _key(link, repeat, keys, cell) for level, link in outputs}
        self._remember(cell, keys, first)

    def _remember(self, cell: RepeatedCell, keys: list[dict[str, str]], first: int) -> None:
        """Rows and nodes of a stage, for later stages to read by name."""
        cell.first = first

        def all_keys(name: str) -> tuple[str, ...]:
            if self.faults:
                return tuple(here.get(name, f"{name}@{first}") for here in keys[1:])
            return tuple(
                _key((name, 0), repeat, keys, cell)
                for repeat in range(1, len(keys))
                if name in keys[repeat] or name in cell.sketch(repeat).dropped
            )

        rows: dict[str, dict[int, tuple[str, ...]]] = {}
        for sketcher in cell.sketchers:
            for name, family in sketcher.families.items():
                if name != "in":
                    made = {level: all_keys(node) for level, node in family.items()}
                    rows.setdefault(name, {}).update(made)
                    for level, node in family.items():
                        self.earlier.add_node(node, level, made[level])
            for plain in sketcher.plain:
                if plain.level is not None:
                    self.earlier.add_node(plain.name, plain.level, all_keys(plain.name))
        for name, row in rows.items():
            self.earlier.add_row(name, row)

    # Extra levels.

    def _extra(self, recipe: Extra, faults: Faults) -> None:
        step = recipe.first
        source: str | None = None
        for level in _extra_levels(recipe, self.levels, max(self.given)):
            source = source or self._extra_source(recipe, level, faults)
            if source is None:
                return
            distance = level - self._level(source)
            path = step.down.of(level).over(distance) if distance > 0 else None
            if path is None:
                reason = f"nothing is said of the way from {source!r} to p{level}"
                faults.add(recipe.path, reason)
                return
            edge = Edge(_plain(source), step.projection, path)
            node = Node(
                f"p{level}", self.ordinal, level, (edge,), _SUM, step.block, self.settings.norm
            )
            self.nodes.append(node)
            self.given[level] = source = node.key
            self.earlier.extra.add(level)
            self.earlier.levels[node.key] = level
            step = recipe.rest

    def _extra_source(self, recipe: Extra, level: int, faults: Faults) -> str | None:
        """What the first extra level is made from: of a row, a single node, or what is given."""
        if recipe.source == "in":
            return self.given.get(level - 1) or self.given[max(self.given)]
        family = self.earlier.families.get(recipe.source, {})
        keys = family.get(level - 1) or self.earlier.nodes.get(recipe.source)
        if not keys:
            where = f"at p{level - 1} " if family else ""
            reason = f"no row or node {recipe.source!r} {where}before this stage"
            faults.add(f"{recipe.path}.from", reason)
            return None
        return keys[-1]

    def _level(self, key: str) -> int:
        found = self.earlier.levels.get(key)
        return found if found is not None else level_of(key) or 0


def _extra_levels(recipe: Extra, levels: range, given: int) -> list[int]:
    """The levels a recipe makes: those it names, else all that are coarser than what is there."""
    if recipe.levels is not None:
        return list(range(recipe.levels[0], recipe.levels[1] + 1))
    return [level for level in levels if level > given]


def _key(link: Link, repeat: int, keys: list[dict[str, str]], cell: RepeatedCell) -> str:
    """The key of what a link stands for; in an earlier repeat other nodes may have been dropped."""
    name, back = link
    if "@" in name:
        return name
    at = repeat - back
    if name not in keys[at]:
        if level_of(name) is None and name in cell.earlier.levels:
            return _plain(name)
        return _key(cell.sketch(at).resolve((name, 0)), at, keys, cell)
    return keys[at][name]


def _plain(name: str) -> str:
    """The key of a backbone map (`c5` is `p5`); any other key as it is."""
    return name if "@" in name else f"p{name[1:]}"


def _repeat(
    cell: RepeatedCell, repeat: int, ordinal: int, home: int, keys: list[dict[str, str]]
) -> Iterator[Node]:
    """The nodes of one repeat. home: the repeat whose weights it has."""
    here = keys[repeat]
    for draft, sockets in cell.plan(repeat):
        edges: list[Edge] = []
        sources: set[str] = set()
        for one in sockets:
            name, back = one.link
            source = here.get(name) if not back else None
            edge = _edge(one, source or _key(one.link, repeat, keys, cell), home)
            if not (one.plain and edge.source in sources and edge in edges):
                sources.add(edge.source)
                edges.append(edge)
        share = draft.share or (f"_{draft.name}" if home != ordinal or cell.stage.shared else None)
        yield Node(
            name=draft.name,
            repeat=ordinal,
            level=draft.level,
            inputs=tuple(edges),
            fuse=draft.fuse,
            block=draft.block,
            norm=draft.norm,
            channels=_channels(draft.channels, draft.fuse, draft.block),
            share=f"{share}@{home}" if share else None,
        )


def _edge(one: Socket, source: str, home: int) -> Edge:
    share = f"{one.share}@{home}" if one.share else None
    tap = one.tap if "@" in source else "after"  # a backbone map is what it is before any block
    return Edge(source, one.projection, one.path, one.role, tap, one.channels, share)


def _channels(said: float | None, fuse: Op, block: Op) -> float | None:
    """The width, unless something else is said, or what `concat` gives if the block keeps it."""
    joined = not FUSES.get(fuse.name).equal_channels
    kept = joined and not BLOCKS.get(block.name).any_channels
    return said if said is not None or kept else 1.0
