"""A search space as code: one walk through it, whoever picks.

`SearchSpace.draw(pick)` asks `pick(name, domain)` for one thing after the other; what is asked
may depend on the answers. Optuna, a random stream and an enumeration are three ways to answer.
"""

import json
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from harness.space.search_faults import TOPOLOGY, text_of
from harness.space.search_spec import Dimension


@dataclass(frozen=True, slots=True)
class Options:
    """A pick is a place, from 0."""

    count: int


@dataclass(frozen=True, slots=True)
class Whole:
    """A pick is a whole number, both ends included."""

    low: int
    high: int
    step: int = 1
    log: bool = False


@dataclass(frozen=True, slots=True)
class Real:
    """A pick is a number, both ends included."""

    low: float
    high: float
    step: float | None = None
    log: bool = False


Domain = Options | Whole | Real
Pick = Callable[[str, Domain], Any]


class Topologies(Protocol):
    """A space over graphs (`harness.search.topologies`): a topology as a plain tree."""

    def draw(self, pick: Callable[[str, Any], Any]) -> dict[str, Any]:
        """pick: (name, options) to one of the options."""


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """Dimensions by dotted path, and perhaps a space over graphs."""

    dimensions: Mapping[str, Dimension]
    topologies: Topologies | None = None

    def draw(self, pick: Pick) -> dict[str, Any]:
        """A value by dotted path, in the order of the file; those whose condition fails are out."""
        values: dict[str, Any] = {}
        for path in self._conditions_first():
            dimension = self.dimensions[path]
            if all(
                other in values and text_of(values[other]) in map(text_of, wanted)
                for other, wanted in dimension.when.items()
            ):
                values[path] = _value(path, dimension, pick)
        drawn = {path: values[path] for path in self.dimensions if path in values}
        if self.topologies is not None:
            drawn[TOPOLOGY] = self.topologies.draw(lambda name, of: _option(name, of, pick))
        return drawn

    def _conditions_first(self) -> tuple[str, ...]:
        """Paths, each after those that its condition reads."""
        ordered: dict[str, None] = {}

        def add(path: str) -> None:
            for other in self.dimensions[path].when:
                if other not in ordered:
                    add(other)
            ordered[path] = None

        for path in self.dimensions:
            add(path)
        return tuple(ordered)


def _value(path: str, dimension: Dimension, pick: Pick) -> Any:
    if dimension.choices is not None:
        return _option(path, dimension.choices, pick)
    low, high, step = dimension.low, dimension.high, dimension.step
    if low is None or high is None:
        raise AssertionError("refused by search_faults")
    if dimension.is_whole:
        return pick(path, Whole(int(low), int(high), int(step or 1), dimension.log))
    return pick(path, Real(float(low), float(high), step and float(step), dimension.log))


def _option(name: str, options: Any, pick: Pick) -> Any:
    """One of several; what cannot be otherwise is not asked."""
    options = tuple(options)
    return options[pick(name, Options(len(options)))] if len(options) > 1 else options[0]


def parameter(name: str, domain: Domain) -> str:
    """What a pick is called where it is kept: with its choices' number, which must not change."""
    return f"{name} of {domain.count}" if isinstance(domain, Options) else name


def key_of(values: Mapping[str, Any]) -> str:
    """The same for the same point."""
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


class RandomPick:
    """Evenly, from a stream of its own."""

    def __init__(self, *words: object) -> None:
        """words: what the stream is called by."""
        self._stream = random.Random("/".join(map(str, words)))

    def __call__(self, name: str, domain: Domain) -> Any:
        if isinstance(domain, Options):
            return self._stream.randrange(domain.count)
        if domain.log:
            low, high = math.log(domain.low), math.log(domain.high)
            value = math.exp(self._stream.uniform(low, high))
            return _within(domain, round(value) if isinstance(domain, Whole) else value)
        if domain.step is None:
            return self._stream.uniform(domain.low, domain.high)
        return _on_step(domain, self._stream.randrange(_steps(domain)))


def _within(domain: Whole | Real, value: Any) -> Any:
    return min(max(value, domain.low), domain.high)


def _steps(domain: Whole | Real) -> int:
    return round((domain.high - domain.low) / (domain.step or 1)) + 1


def _on_step(domain: Whole | Real, place: int) -> Any:
    return _within(domain, domain.low + place * (domain.step or 1))


class _Walk:
    """Answers by a script of places, then by the first of everything."""

    def __init__(self, script: list[int]) -> None:
        self.script, self.sizes, self.picks = script, list[int](), dict[str, Any]()

    def __call__(self, name: str, domain: Domain) -> Any:
        if isinstance(domain, Real) and domain.step is None:
            raise OverflowError(name)
        at = len(self.sizes)
        if at == len(self.script):
            self.script.append(0)
        if isinstance(domain, Options):
            self.sizes.append(domain.count)
            picked: Any = self.script[at]
        else:
            self.sizes.append(_steps(domain))
            picked = _on_step(domain, self.script[at])
        self.picks[parameter(name, domain)] = picked
        return picked

    def next(self) -> list[int] | None:
        """The script of the next point, or None after the last."""
        for at in range(len(self.sizes) - 1, -1, -1):
            if self.script[at] + 1 < self.sizes[at]:
                return [*self.script[:at], self.script[at] + 1]
        return None


FAR = 100
"""Picks that would give so many times too many points are not gone through."""


def all_points(space: SearchSpace, most: int) -> dict[str, dict[str, Any]] | None:
    """The picks of every point by its key; None where there are more than `most`, or no end."""
    found: dict[str, dict[str, Any]] = {}
    script: list[int] | None = []
    for _ in range(most + 1):
        if script is None:
            return found
        walk = _Walk(script)
        try:
            values = space.draw(walk)
        except OverflowError:
            return None
        if math.prod(walk.sizes) > most * FAR:
            return None
        found.setdefault(key_of(values), walk.picks)
        script = walk.next()
    return None
