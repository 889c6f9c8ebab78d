"""Latencies of arms measured in turn: `results/latency/<study>/<profile>.json`.

What a clock said is kept whole, a value a round, so that every ratio and spread can be computed
again. A file holds one comparison a setting; measuring again at a setting replaces its own.
"""

import dataclasses
import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from harness.errors import LedgerError
from harness.files import write_whole
from harness.ledger import safe_name
from harness.records import Environment
from harness.space.base import first_fault
from harness.space.printed import Printed

TIMINGS_VERSION = 1
METHOD = "order statistics of the rounds (exact binomial, scipy's quantile_test)"
"""How the interval of a median is found; rounds count as independent."""

Part = Literal["feature_network", "model"]
Mode = Literal["stepwise", "eager", "compiled"]
Precision = Literal["float32", "bfloat16", "float16"]
PARTS: tuple[Part, ...] = ("feature_network", "model")
MODES: tuple[Mode, ...] = ("stepwise", "eager", "compiled")
"""`stepwise`: fusion step by step as the paper's framework ran it, in eager torch. `eager`: this
project's network as it is trained. `compiled`: the same under torch.compile."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How to measure: what a command says. rounds: at least so many."""

    device: str = "auto"
    threads: int = 1
    rounds: int = 30
    batch: int = 1
    precision: Precision = "float32"
    parts: tuple[Part, ...] = PARTS
    modes: tuple[Mode, ...] = MODES


@dataclass(frozen=True, slots=True)
class Setting:
    """What was measured, and on what. Two comparisons of one setting are one measured twice."""

    part: Part
    mode: Mode
    arms: tuple[str, ...]
    """The first is what the others are measured by."""
    models: tuple[str, ...]
    """What each arm was built as."""
    batch: int
    precision: str
    memory_format: str
    device: str
    threads: int


@dataclass(frozen=True, slots=True)
class Speedup:
    """How many times as fast as another an arm is: the other's time over its own, by rounds."""

    arm: str
    against: str
    median: float
    quartiles: tuple[float, float]
    interval: tuple[float, float] | None
    """95% interval of the median by `METHOD`; None under six rounds."""
    rounds: int

    @property
    def separated(self) -> bool:
        return self.interval is not None and not self.interval[0] <= 1 <= self.interval[1]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Arms measured in turn at one setting, or why they could not be."""

    setting: Setting
    environment: Environment
    milliseconds: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Of one forward pass, by arm, a value a round."""
    calls: int = 0
    """Passes that each value is the mean of."""
    reason: str | None = None

    def median_ms(self, arm: str) -> float:
        return statistics.median(self.milliseconds[arm])

    def speedups(self) -> tuple[Speedup, ...]:
        """Each other arm against the first."""
        if not self.milliseconds:
            return ()
        first, *others = self.setting.arms
        base = self.milliseconds[first]
        return tuple(_speedup(arm, first, self.milliseconds[arm], base) for arm in others)


def _speedup(arm: str, against: str, own: Iterable[float], base: Iterable[float]) -> Speedup:
    from scipy.stats import quantile_test

    ratios = [theirs / mine for mine, theirs in zip(own, base, strict=True)]
    median = statistics.median(ratios)
    low, _, high = (
        statistics.quantiles(ratios, n=4, method="inclusive") if ratios[1:] else ratios * 3
    )
    interval = None
    if len(ratios) > 5:
        found = quantile_test(ratios, q=median, p=0.5).confidence_interval(0.95)
        interval = (float(found.low), float(found.high))
    return Speedup(arm, against, median, (low, high), interval, len(ratios))


@dataclass(frozen=True, slots=True)
class Timings:
    """A file's content."""

    study: str
    profile: str
    comparisons: tuple[Comparison, ...] = ()
    version: int = TIMINGS_VERSION

    def having(self, new: Comparison) -> "Timings":
        """With a comparison in place of the earlier one of its setting, else at the end."""
        kept = {one.setting: one for one in (*self.comparisons, new)}
        return dataclasses.replace(self, comparisons=tuple(kept.values()))


def timings_path(results: Path, study: str, profile: str) -> Path:
    safe_name(study, "study"), safe_name(profile, "profile")
    return results / "latency" / study / f"{profile}.json"


def write_timings(results: Path, timings: Timings) -> Path:
    path = timings_path(results, timings.study, timings.profile)
    write_whole(path, json.dumps(dataclasses.asdict(timings), indent=1) + "\n")
    return path


def read_timings(results: Path, study: str, profile: str) -> Timings:
    """What was measured so far, maybe nothing.

    A `LedgerError` where the file is damaged, of another version, or another study's.
    """
    path = timings_path(results, study, profile)
    try:
        text = path.read_bytes()
        if (version := _version(text)) != TIMINGS_VERSION:
            raise LedgerError(f"{path}: version {version!r}; this harness reads {TIMINGS_VERSION}")
        found = _adapter().validate_json(text, strict=True)
    except FileNotFoundError:
        return Timings(study, profile)
    except ValidationError as error:
        raise LedgerError(f"{path}: {first_fault(error)}") from None
    if (found.study, found.profile) != (study, profile):
        raise LedgerError(f"{path}: is of study {found.study!r}, profile {found.profile!r}")
    return found


def _version(text: bytes) -> object:
    """The version that a file says, ours where it says none or is no JSON object."""
    try:
        tree = json.loads(text)
    except ValueError:
        return TIMINGS_VERSION
    return tree.get("version", TIMINGS_VERSION) if isinstance(tree, dict) else TIMINGS_VERSION


def all_timings(results: Path, study: str) -> tuple[Timings, ...]:
    """Of every profile of a study, in order of their names."""
    folder = timings_path(results, study, "x").parent
    return tuple(read_timings(results, study, path.stem) for path in sorted(folder.glob("*.json")))


@cache
def _adapter() -> TypeAdapter[Timings]:
    return TypeAdapter(Timings)


@dataclass(frozen=True, slots=True)
class PublishedSpeedup:
    """One that a study's published table has, as printed."""

    label: str
    text: str
    value: float


def published_speedups(published: Mapping[str, Any] | None) -> tuple[PublishedSpeedup, ...]:
    """Those of the rows that have the figure `speedup`. published: the section, as plain data."""
    rows = (published or {}).get("rows", ())
    return tuple(
        PublishedSpeedup(str(row["label"] or row["arm"]), str(text), Printed.read(text).value)
        for row in rows
        if (text := row["figures"].get("speedup")) is not None
    )
