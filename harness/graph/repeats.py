"""The cell of one stage in each of its repeats: drawn, rewritten, checked and put in order."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from harness.graph.cell import Back, Cell, Chain, Input, Route, Stage, said_at
from harness.graph.check import check_rows, check_sketch
from harness.graph.draft import STEADY, Draft, Link, Sketch
from harness.graph.earlier import Earlier
from harness.graph.faults import Faults
from harness.graph.ops import RESAMPLES
from harness.graph.order import in_order
from harness.graph.rewrites import REWRITES
from harness.graph.roles import assign_roles
from harness.graph.sketcher import Sketcher
from harness.graph.spec import Projection, Tap


class Socket(NamedTuple):
    """An input of a node, all but which repeat its source is in.

    plain: it would say nothing a second time (`in` may be `out@-1`).
    """

    link: Link
    projection: Projection
    path: Chain
    role: str | None
    tap: Tap
    channels: float | None
    share: str | None
    plain: bool


Plan = list[tuple[Draft, list[Socket]]]


class RepeatedCell:
    """A stage's cell, or cells that take turns; repeats that are alike share one sketch.

    steady: the cells as they are when every earlier repeat they may read is there.
    first: the number, among all repeats of the network, of this stage's first.
    """

    first = 1

    def __init__(
        self,
        stage: Stage,
        count: int,
        levels: range,
        given: Mapping[int, str],
        earlier: Earlier,
        faults: Faults,
    ) -> None:
        self.stage, self.count, self.earlier, self.faults = stage, max(1, count), earlier, faults
        self.sketchers = [
            Sketcher(cell, levels, tuple(given), earlier, faults) for cell in stage.cells
        ]
        for turn, sketcher in enumerate(self.sketchers):
            sketcher.turn, sketcher.turns = turn, self.sketchers
        for sketcher in self.sketchers:
            check_rows(sketcher, faults)
        reach = _reach(stage.cells)
        late = STEADY if reach is not None else max(2, self.count)
        self.early = self.count if reach is None else min(reach, self.count)
        self.steady = [sketcher.sketch(late) for sketcher in self.sketchers]
        self._early = {
            repeat: self._turn(repeat).sketch(repeat) for repeat in range(1, self.early + 1)
        }
        self._rewrite()
        self._plans: dict[int, Plan] = {}
        self._known: dict[int, list[Socket]] = {}

    def sketch(self, repeat: int) -> Sketch:
        """The cell as it is in a repeat, counted from 1."""
        early = self._early.get(repeat)
        return early if early is not None else self.steady[(repeat - 1) % len(self.steady)]

    def plan(self, repeat: int) -> Plan:
        """Nodes in an order in which each follows what it reads, with their sockets."""
        sketch = self.sketch(repeat)
        if id(sketch) not in self._plans:
            names = in_order({name: _reads(draft) for name, draft in sketch.drafts.items()})
            self._plans[id(sketch)] = [
                (sketch.drafts[name], self._sockets(sketch.drafts[name], sketch)) for name in names
            ]
        return self._plans[id(sketch)]

    def check(self, must: Iterable[int]) -> None:
        """Gather every fault of the cell. must: levels it has to make."""
        for sketch, sketcher in zip(self.steady, self.sketchers, strict=True):
            check_sketch(sketch, sketcher, self.faults, must=must)
        for sketch in self._early.values():
            check_sketch(sketch, None, self.faults)
        for sketch in (*self._early.values(), *self.steady):
            for draft in sketch.drafts.values():
                self._sockets(draft, sketch)

    def read_earlier(self) -> set[str]:
        """Keys of nodes of earlier stages that the cell reads."""
        sketches = (*self._early.values(), *self.steady)
        links = [one for s in sketches for draft in s.drafts.values() for one in draft.inputs]
        return {name for (name, _), _ in links if "@" in name}

    def names_of(self, keys: Iterable[str]) -> set[str]:
        """The names of those keys that are nodes of this stage."""
        pairs = [key.split("@") for key in keys if "@" in key]
        own = range(self.first, self.first + self.count)
        return {name for name, repeat in pairs if int(repeat) in own}

    def _turn(self, repeat: int) -> Sketcher:
        return self.sketchers[(repeat - 1) % len(self.sketchers)]

    def _rewrite(self) -> None:
        for turn, (cell, steady) in enumerate(zip(self.stage.cells, self.steady, strict=True)):
            own = [s for r, s in self._early.items() if (r - 1) % len(self.steady) == turn]
            for rewrite in cell.rewrites:
                apply = REWRITES.get(rewrite.name)
                for sketch in own:
                    apply(sketch, steady, rewrite)
                apply(steady, steady, rewrite)
        for repeat, sketch in self._early.items():
            self._turn(repeat).apply_changes(sketch, repeat)
        for sketcher, steady in zip(self.sketchers, self.steady, strict=True):
            sketcher.apply_changes(steady, max(2, self.count) if self._is_wordy() else STEADY)

    def _is_wordy(self) -> bool:
        return _reach(self.stage.cells) is None

    def _sockets(self, draft: Draft, sketch: Sketch) -> list[Socket]:
        """The inputs of a node, worked out once."""
        if id(draft) not in self._known:
            self._known[id(draft)] = self._new_sockets(draft, sketch)
        return self._known[id(draft)]

    def _new_sockets(self, draft: Draft, sketch: Sketch) -> list[Socket]:
        entrants = [(sketch.level(link[0]), one.role) for link, one in draft.inputs]
        roles = assign_roles(draft.fuse, entrants)
        if isinstance(roles, str):
            if draft.inputs and not self.faults.under(draft.path):
                self.faults.add(f"{draft.path}.from", roles)
            roles = [None] * len(entrants)
        shares = self._shares(draft, sketch)
        return [
            self._socket(share, link, level, one, role, draft)
            for (link, one), (level, _), role, share in zip(
                draft.inputs, entrants, roles, shares, strict=True
            )
        ]

    def _shares(self, draft: Draft, sketch: Sketch) -> list[str | None]:
        """A word for each input where all repeats have one set of weights.

        By its place in a repeat that has all inputs: an early one may lack some.
        """
        if not self.stage.shared:
            return [None] * len(draft.inputs)
        turn = next((r - 1 for r, early in self._early.items() if early is sketch), None)
        steady = sketch if turn is None else self.steady[turn % len(self.steady)]
        whole = steady.drafts.get(draft.name, draft).inputs
        places = list(range(len(whole)))
        found: list[str | None] = []
        for (name, _), one in draft.inputs:
            alike = [place for place in places if whole[place][1] == one]
            same = [place for place in alike if whole[place][0][0] == name]
            place = next(iter((*same, *alike)), len(whole) + len(found))
            if place in places:
                places.remove(place)
            found.append(f"_{draft.name}_{place}")
        return found

    def _socket(
        self,
        share: str | None,
        link: Link,
        level: int,
        one: Input,
        role: str | None,
        draft: Draft,
    ) -> Socket:
        """An input whose source is at a level. Like ways are one tuple, which is read once."""
        way = self._way(level, one, draft) if level != draft.level else ()
        return Socket(
            link,
            one.projection or draft.projection,
            (*one.op, *way) if one.op else way,
            role,
            one.tap,
            said_at(one.channels, draft.level),
            one.share or share,
            one.is_plain,
        )

    def _way(self, source: int, one: Input, draft: Draft) -> Chain:
        """The ops between the source's level and the node's, which differ."""
        kind = "down" if source < draft.level else "up"
        route: Route = getattr(one, kind) or getattr(draft, kind)
        distance = abs(source - draft.level)
        way = route.over(distance)
        if way is None:
            said = ", ".join(f"x{2**d}" for d, _ in route.distances)
            reason = f"nothing is said of x{2**distance} (p{source} to p{draft.level}), only {said}"
            self.faults.add(f"{draft.path}.{kind}", reason)
            return ()
        steps = sum(op.name in RESAMPLES for op in way)
        if steps > distance:
            reason = f"{steps} resamples for {distance} level{'s' if distance > 1 else ''}"
            self.faults.add(f"{draft.path}.{kind}", f"{reason} (p{source} to p{draft.level})")
        return way


def _reads(draft: Draft) -> list[str]:
    return [name for (name, back), _ in draft.inputs if not back]


def _reach(cells: tuple[Cell, ...]) -> int | None:
    """How many repeats back cells read at most (rewrites may add such steps up).

    None where that depends on the repeat (`@first`, `@all`, `@log2`).
    """
    backs: list[Back] = []
    for cell in cells:
        for one in (*cell.rows, *cell.nodes):
            backs += [ref.back for given in one.inputs or () for ref in given.refs]
    numbers = [back for back in backs if isinstance(back, int)]
    if len(numbers) < len(backs):
        return None
    rewritten = any(cell.rewrites for cell in cells)
    return sum(numbers) if any(numbers) and rewritten else max(numbers, default=0)
