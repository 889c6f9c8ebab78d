"""`harness latency`: arms of a study as they are built, measured in turn, kept, and shown."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.errors import SpecError, did_you_mean
from harness.search import cell_name, grid
from harness.space.assumed import class_facts
from harness.space.bind import Choice, bind
from harness.space.data import DataFacts, DataSpec
from harness.space.family import NUM_CLASSES
from harness.space.model import ModelSpec
from harness.space.study import Study
from harness.timings import (
    METHOD,
    Comparison,
    Conditions,
    Speedup,
    published_speedups,
    read_timings,
    write_timings,
)

Say = Callable[[str], None]


def measure_arms(
    study: Study, models: Mapping[str, ModelSpec], conditions: Conditions, results: Path, say: Say
) -> tuple[Comparison, ...]:
    """Measure, writing the file after each comparison; what was measured now."""
    from harness.latency.compare import compare

    found = []
    for one in compare(models, conditions):
        earlier = read_timings(results, study.name, study.profile)
        write_timings(results, earlier.having(one))
        say(f"{_name(one)}: {one.reason or f'{len(next(iter(one.milliseconds.values())))} rounds'}")
        found.append(one)
    return tuple(found)


def models_of(
    study: Study, names: Sequence[str], image_size: int | None = None
) -> dict[str, ModelSpec]:
    """Arms by name, with random weights: no data set is opened and no weights are fetched.

    image_size: in place of each model's own.
    No names: every arm, the baseline first. Where axes change the model, each of its choices is
    an arm of its own, called as a plan calls it.
    """
    known: dict[str, Choice] = {}
    for choice in grid(study.spec):
        of_model = {key: value for key, value in choice.values.items() if key.startswith("model.")}
        known.setdefault(cell_name(choice.arm, of_model), choice)
    baseline = study.spec.baseline
    wanted = list(names) or sorted(known, key=lambda name: name != baseline)
    faults = [
        f"no arm {n!r} in {study.file}{did_you_mean(n, known)}" for n in wanted if n not in known
    ]
    if faults:
        raise SpecError("\n".join(faults))
    if len(set(wanted)) < 2:
        raise SpecError(
            f"{study.file}: latency compares two arms or more; it has {', '.join(known)}"
        )
    specs = {name: bind(study, known[name], 0, _facts).model for name in wanted}
    return {name: _untrained(model, image_size) for name, model in specs.items()}


def _facts(data: DataSpec, image_size: int) -> DataFacts:
    """Of `coco` the 90 ids that the paper's models have; of others the classes of `shapes`."""
    from harness.data.scene import CATEGORIES

    return class_facts(NUM_CLASSES if data.name == "coco" else len(CATEGORIES))


def _untrained(model: ModelSpec, image_size: int | None) -> ModelSpec:
    size = image_size or model.image_size
    return model.without_weights().model_copy(update={"image_size": size})


def latency_document(study: Study, found: Sequence[Comparison], file: Path) -> dict[str, Any]:
    """The document of `harness latency --json`."""
    return {
        "study": study.name,
        "profile": study.profile,
        "file": str(file),
        "interval": METHOD,
        "comparisons": [_document(one) for one in found],
    }


def _document(one: Comparison) -> dict[str, Any]:
    said = one.setting
    return {
        **{name: getattr(said, name) for name in said.__slots__},
        "reason": one.reason,
        "calls": one.calls,
        "median_ms": {arm: one.median_ms(arm) for arm in one.milliseconds},
        "speedups": [
            {name: getattr(speedup, name) for name in speedup.__slots__}
            for speedup in one.speedups()
        ],
    }


def say_latency(
    found: Sequence[Comparison], published: Mapping[str, Any] | None, console: Console
) -> None:
    """A row an arm and setting, then what the ratios are and what is published."""
    first = found[0].setting
    table = Table(title=f"times as fast as {escape(first.arms[0])}")
    for head in ("measured", "arm"):
        table.add_column(head)
    for head in ("median [95%]", "quartiles", f"ms of {escape(first.arms[0])}", "ms", "rounds"):
        table.add_column(head, justify="right")
    for one in found:
        for row in _rows(one):
            table.add_row(_name(one), *map(escape, row))
    console.print(table)
    lines = [f"{first.device}, {first.threads} thread{'s' if first.threads > 1 else ''}, "
             f"batch {first.batch}, {first.precision}, {first.memory_format}: "
             f"{'; '.join(dict.fromkeys(first.models))}"]  # fmt: skip
    lines.append(f"interval of the median: {METHOD}")
    said = [f"{one.label} {one.text}" for one in published_speedups(published)]
    if published and said:
        lines.append(f"published, on the paper's device: {', '.join(said)} ({published['source']})")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _rows(one: Comparison) -> list[tuple[str, ...]]:
    if one.reason:
        return [("", one.reason, "", "", "", "")]
    base = f"{one.median_ms(one.setting.arms[0]):.2f}"
    return [
        (s.arm, _median(s), f"{s.quartiles[0]:.3f} to {s.quartiles[1]:.3f}", base,
         f"{one.median_ms(s.arm):.2f}", str(s.rounds))
        for s in one.speedups()
    ]  # fmt: skip


def _median(speedup: Speedup) -> str:
    interval = speedup.interval
    ends = f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""
    return f"{speedup.median:.3f}{ends}"


def _name(one: Comparison) -> str:
    return f"{one.setting.part.replace('_', ' ')}, {one.setting.mode}"
