"""From a cell as a file says it to its nodes at some levels, in one repeat."""

import difflib
from collections.abc import Collection, Iterator, Sequence

from harness.errors import did_you_mean
from harness.graph.cell import Back, Cell, Family, Input, PlainNode, Ref, Row, at_level, said_at
from harness.graph.draft import Draft, Link, Sketch, span, words
from harness.graph.earlier import Earlier
from harness.graph.faults import Faults, join
from harness.graph.names import level_of

STEPS = {"coarser": 1, "finer": -1}
"""Levels from a node to what it reads."""


class Sketcher:
    """Draws the rows and nodes of a cell at some levels. Faults are gathered.

    levels: of the network's outputs. given: levels the cell is given a map of.
    families: the nodes of each row, and of `in`, by level. reach: the levels they would have if
    there were a few more. names: all nodes. meant: nodes that a misspelt name may have meant.
    turns: the sketchers that take turns from repeat to repeat, of which this is number `turn`.
    """

    turn = 0

    def __init__(
        self, cell: Cell, levels: range, given: Collection[int], earlier: Earlier, faults: Faults
    ) -> None:
        self.cell, self.levels, self.given = cell, levels, given
        self.earlier, self.faults = earlier, faults
        own = [level for level in levels if level in given] or list(levels)
        inner = cell.settings.inner_levels or (levels[0], levels[-1])
        self.bounds = range(min(levels[0], inner[0], *given), max(levels[-1], inner[1], *given) + 1)
        self.families = {"in": {level: f"p{level}" for level in sorted(given)}}
        for row in cell.rows:
            self.families[row.name] = {
                level: f"p{level}_{row.name}" for level in _row_levels(row, own, self.bounds)
            }
        wide = [*own, *range(own[-1] + 1, own[-1] + 4)]
        wider = range(self.bounds[0], max(self.bounds[-1], wide[-1]) + 1)
        self.reach: dict[str, Collection[int]] = {"in": {*given, *wide}}
        self.reach.update((row.name, _row_levels(row, wide, wider)) for row in cell.rows)
        made = [name for row in cell.rows for name in self.families[row.name].values()]
        self.plain = [node for node in cell.nodes if node.name not in made]
        self.changes = [node for node in cell.nodes if node.name in made]
        self.meant: set[str] = set()
        self.names = {name: name for name in (*made, *(node.name for node in self.plain))}
        self.turns: Sequence[Sketcher] = (self,)

    def sketch(self, repeat: int) -> Sketch:
        """The cell of one repeat (1-based), before rewrites."""
        drafts: dict[str, Draft] = {}
        for row in self.cell.rows:
            self._row(row, repeat, drafts)
        for node in self.plain:
            if node.level is not None and node.inputs is not None:
                inputs = self._inputs(node.inputs, node.level, repeat, node.path, collapse=False)
                kept = node.fuse is not None or node.block is not None
                drafts[node.name] = self._draft(node, node.name, node.level, inputs, kept)
        return Sketch(self.levels, drafts, self._outputs(drafts), self.earlier)

    def _row(self, row: Row, repeat: int, drafts: dict[str, Draft]) -> None:
        made = []
        for level, name in self.families[row.name].items():
            inputs = self._inputs(row.inputs or (), level, repeat, row.path, collapse=True)
            drafts[name] = self._draft(row, name, level, inputs, kept=False)
            made.append(drafts[name])
        given = row.fuse is not None or row.block is not None
        if given and all(len(draft.inputs) == 1 for draft in made):
            for draft in made:
                draft.kept = True

    def _draft(
        self,
        family: Family,
        name: str,
        level: int,
        inputs: list[tuple[Link, Input]],
        kept: bool,
    ) -> Draft:
        settings = self.cell.settings
        return Draft(
            name=name,
            path=family.path,
            level=level,
            inputs=inputs,
            fuse=at_level(family.fuse, level, settings.fuse),
            block=at_level(family.block, level, settings.block),
            up=at_level(family.up, level, settings.up),
            down=at_level(family.down, level, settings.down),
            projection=family.projection or settings.projection,
            norm=family.norm or settings.norm,
            channels=said_at(family.channels, level),
            share=family.share,
            kept=kept,
        )

    def _inputs(
        self, inputs: tuple[Input, ...], level: int, repeat: int, path: str, *, collapse: bool
    ) -> list[tuple[Link, Input]]:
        found: list[tuple[Link, Input]] = []
        entries: dict[Link, list[Input]] = {}
        for one in inputs:
            for link in self._links(one, level, repeat):
                before = entries.setdefault(link, [])
                again = any(one.role == other.role and one.says_again(other) for other in before)
                if again and not collapse:
                    self.faults.add(f"{path}.from", f"{words(link)!r} is there twice")
                if not again:
                    before.append(one)
                    found.append((link, one))
        return found

    def _links(self, one: Input, level: int, repeat: int) -> list[Link]:
        """What the first reference that exists here stands for."""
        for ref in one.refs:
            if not ref.back and not ref.step and ref.name in self.names:
                return [(ref.name, 0)]
            found = list(self._found(ref, level, repeat, one.path))
            if found:
                return found
        return []

    def _found(self, ref: Ref, level: int, repeat: int, path: str) -> Iterator[Link]:
        """Nodes of this cell, by repeats back; else nodes of earlier stages."""
        if ref.name in self.families or self._is_known(ref.name):
            self._check_step(ref, path)
            if not ref.back:
                yield from [(name, 0) for name in self.made(ref, level)]
                return
            for back in backs(ref, repeat):
                then = self.turns[(self.turn - back) % len(self.turns)]
                yield from ((name, back) for name in then.made(ref, level))
        elif ref.name in self.earlier.families:
            family = self.earlier.families[ref.name]
            at = [level + STEPS.get(ref.step, 0)]
            for one in sorted(family) if ref.step == "all" else at:
                yield from ((key, 0) for key in picked(family.get(one, ()), ref.back))
        elif ref.name in self.earlier.nodes:
            self._check_step(ref, path)
            yield from ((key, 0) for key in picked(self.earlier.nodes[ref.name], ref.back))
        else:
            self._unknown(ref.name, path)

    def _is_known(self, name: str) -> bool:
        """Whether a name is of one node of this cell, or of one of its inputs (`p4`)."""
        return name in self.names or level_of(name) in self.given

    def made(self, ref: Ref, level: int) -> list[str]:
        """The nodes and inputs of this cell that a reference stands for at a level."""
        family = self.families.get(ref.name)
        if family is None:
            return [ref.name] if self._is_known(ref.name) and not ref.step else []
        if ref.step == "all":
            return [family[at] for at in sorted(family)]
        at = level + STEPS.get(ref.step, 0)
        return [family[at]] if at in family else []

    def _check_step(self, ref: Ref, path: str) -> None:
        if ref.step and ref.name not in self.families:
            self.faults.add(path, f"{ref.name!r} is one node: it has no {ref.step!r}")

    def _unknown(self, name: str, path: str) -> None:
        valid = (
            *self.names,
            *self.families,
            *self.families["in"].values(),
            *self.earlier.families,
            *self.earlier.nodes,
        )
        self.faults.add(path, f"no node {name!r}{did_you_mean(name, valid)}")
        for near in difflib.get_close_matches(name, valid):
            self.meant.update(self.families.get(near, {0: near}).values())

    def _outputs(self, drafts: dict[str, Draft]) -> dict[int, Link]:
        """The last row that has the level, unless the file names another node."""
        outputs: dict[int, Link] = {}
        for row in self.cell.rows:
            if row.inputs is not None:
                made = self.families[row.name].items()
                outputs.update((level, (name, 0)) for level, name in made)
        for level, name in self.cell.outputs:
            path = join(self.cell.path, f"outputs.p{level}")
            if level not in self.levels and level not in self.given:
                self.faults.add(path, f"level p{level} is not in {span(self.levels)}")
            elif name in drafts or (name == f"p{level}" and level in self.earlier.extra):
                outputs[level] = (name, 0)
                if name in drafts and drafts[name].level != level:
                    self.faults.add(path, f"{name!r} is at p{drafts[name].level}, not at p{level}")
            else:
                if name in self.families["in"].values():
                    self.faults.add(path, f"{name!r} is an input of the cell, not a node")
                elif name not in self.names:
                    self.faults.add(path, f"no node {name!r}{did_you_mean(name, self.names)}")
                outputs.setdefault(level, (name, 0))
        return outputs

    def apply_changes(self, sketch: Sketch, repeat: int) -> None:
        """Entries of `nodes` under the name of a row's node change it, after the rewrites."""
        for node in self.changes:
            draft = sketch.drafts.get(node.name)
            if draft is None:
                self.faults.add(node.path, f"{node.name!r} was taken out by a rewrite")
                continue
            self._change(draft, node, repeat)
            draft.inputs = sketch.resolved(draft.inputs)

    def _change(self, draft: Draft, node: PlainNode, repeat: int) -> None:
        if node.level is not None and node.level != draft.level:
            self.faults.add(f"{node.path}.level", f"{node.name!r} is at p{draft.level}")
        if node.inputs is not None:
            draft.inputs = self._inputs(node.inputs, draft.level, repeat, node.path, collapse=False)
            draft.path = node.path
        for key in ("fuse", "block", "up", "down", "projection", "norm", "channels", "share"):
            value = said_at(getattr(node, key), draft.level)
            if value is not None:
                setattr(draft, key, value)


def _row_levels(row: Row, levels: Collection[int], bounds: range) -> list[int]:
    """The levels of a row in the order they are made: its own within bounds, else `levels`."""
    found = list(levels)
    if row.levels is not None:
        low, high = row.levels
        found = [level for level in bounds if low <= level <= high]
    if row.order == "down":
        found.reverse()
    return found[1:] if row.skip_first else found


def backs(ref: Ref, repeat: int) -> list[int]:
    """How many repeats back a reference reaches, in a given repeat; none where there is none."""
    match ref.back:
        case "all":
            return list(range(1, repeat))
        case "log2":
            return [1 << i for i in range(repeat.bit_length()) if 1 << i < repeat]
        case "first":
            return [repeat - 1] if repeat > 1 or ref.name == "in" else []
        case number:
            return [number] if number < repeat else []


def picked(keys: tuple[str, ...], back: Back) -> tuple[str, ...]:
    """Of a node of an earlier stage, one key a repeat: those a reference means."""
    match back:
        case "all":
            return keys
        case "log2":
            return tuple(keys[-(1 << i)] for i in range(len(keys).bit_length()))
        case "first":
            return keys[:1]
        case number:
            return keys[-1 - number : len(keys) - number] if number < len(keys) else ()
