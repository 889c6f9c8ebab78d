"""Results as a run leaves them, made here: a width grid, a fusion study, every kind of end."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.graph import Edge, Graph, Node, Norm, Op, Projection, to_tree
from harness.ledger import Ledger
from harness.matches import Matches
from harness.records import (
    Cost,
    Environment,
    EpochLog,
    Latency,
    Metrics,
    PartCost,
    TrialRecord,
)
from harness.studies import Cell, StudyResults, write_study

NEEDS = ("context", "extent", "none")
BY, ALONG = "feature_network.width.factor", "model.coefficient"


def network(fuse: str = "fast", *, still: bool = False, name: str = "tiny") -> dict[str, Any]:
    """A graph of one node, as a trial's spec holds it."""
    edges = (Edge("p3", Projection()), Edge("p4", Projection(), (Op("nearest"),)))
    args = (("norm", fuse), ("per", "scalar"), ("eps", 1e-4), ("frozen", still), ("grid", 8))
    node = Node("p3_out", 1, 3, edges, Op("weighted", args), Op("none"), Norm())
    return to_tree(Graph(name, (3, 4), (node,), ((3, node.key),)))


def cost(macs: int) -> Cost:
    parts = {"backbone": 0.6, "feature_network": 0.2, "class_head": 0.1, "box_head": 0.1}
    held = {
        name: PartCost(int(macs * share / 700), int(macs * share)) for name, share in parts.items()
    }
    return Cost(macs // 700, macs, held, int(macs * 1.03), macs // 700, {"aten::sigmoid": 57})


def record(
    trial: str,
    seed: int,
    ap: float | None,
    macs: int = 10**9,
    *,
    status: Any = "done",
    reason: str | None = None,
    weights: Sequence[dict[str, list[float]]] = (),
    frozen: str = "all",
    graph: dict[str, Any] | None = None,
) -> TrialRecord:
    metrics = None
    if ap is not None:
        by_need = {need: ap + shift for need, shift in zip(NEEDS, (-0.1, 0.0, 0.1), strict=True)}
        metrics = Metrics(ap, ap + 0.2, ap - 0.05, ap - 0.2, ap, None, {"disk": ap}, by_need)
    epochs = list(weights) or [{}] * 4
    curve = tuple(
        EpochLog(i, 10 * (i + 1), 2.0 / (i + 1), 1.0 / (i + 1), 0.01, 0.08, 2.0, 50.0, 0.02, held)
        for i, held in enumerate(epochs)
    )
    spec = {
        "model": {
            "image_size": 128,
            "backbone": {"name": "resnet10t", "frozen": frozen},
            "feature_network": {"graph": graph or network(), "width": 64},
        },
        "recipe": {"batch_size": 16, "precision": "float32", "optimizer": {"name": "sgd"}},
        "data": {"name": "shapes"},
        "facts": {"fingerprint": "f" * 8},
        "seeds": {"init": seed, "order": seed, "augmentation": seed},
        "code_epoch": 1,
    }
    where = Environment("host", "cpu", 1, {"torch": "2.15"}, "abc123", "2026-11-20T00:00:00Z")
    late = Latency(macs / 1e8, macs / 9e7, 100, 1, "cpu", "1 thread, batch 1")
    return TrialRecord(
        trial, status, spec, where, 20.0, metrics, cost(macs), late, 500.0, 50.0, 0.02,
        curve if ap is not None else (), reason,
    )  # fmt: skip


def some_matches(share: float, seed: int) -> Matches:
    """Twelve images with one object each, of which about a share is found."""
    random = np.random.default_rng([round(1000 * share), seed])
    found = (random.random(12) < share)[:, None]
    return Matches(
        images=np.arange(1, 13),
        categories=("disk", "ring"),
        needs=("context", "none"),
        image=np.arange(12, dtype=np.int32),
        category=np.arange(12).astype(np.int16) % 2,
        score=random.random(12).astype(np.float32),
        hit=np.repeat(np.where(found, 1023, 0), 4, 1).astype(np.uint16),
        ignored=np.zeros((12, 4), np.uint16),
        positives=np.eye(2, dtype=np.int32)[np.arange(12) % 2][:, :, None].repeat(4, 2),
    )


@pytest.fixture
def keep(tmp_path: Path) -> Callable[[StudyResults, Sequence[TrialRecord]], Path]:
    """Writes a study and its records under a results folder, and returns the folder."""

    def write(study: StudyResults, records: Sequence[TrialRecord]) -> Path:
        ledger = Ledger(tmp_path / "results")
        for one in records:
            ledger.write(one)
        write_study(tmp_path / "results", study)
        return tmp_path / "results"

    return write


def grid(
    seeds: int = 2, factors: Sequence[float] = (1.2, 1.3, 1.4), gain: float = 0.0
) -> tuple[StudyResults, list[TrialRecord]]:
    """A width grid: AP rises with log cost, and by `gain` a family. One arm is an alias."""
    draw = random.Random(7)
    cells, records = [], []
    for i, factor in enumerate(factors):
        for coefficient in (1, 2, 3):
            macs = int(5e8 * factor ** (2 * coefficient))
            arm = f"factor {factor}, coefficient {coefficient}"
            for seed in range(seeds):
                trial = f"t{i}{coefficient}{seed}"
                ap = 0.4 + 0.03 * coefficient * factor + gain * i + draw.gauss(0, 0.004)
                records.append(record(trial, seed, ap, macs))
                choice = {BY: factor, ALONG: coefficient}
                cells.append(Cell(arm, choice, seed, trial, "done", None, macs // 700, macs))
    first = cells[0]
    twin = {BY: 1.21, ALONG: 1}
    cells += [
        replace(cell, arm="factor 1.21, coefficient 1", choice=twin, status="alias")
        for cell in cells
        if cell.arm == first.arm
    ]
    study = StudyResults(
        "width", "laptop", "Which width factor pays?", tuple(cells),
        axes={BY: [*factors, 1.21], ALONG: [1, 2, 3]},
        report={"family": BY},
    )  # fmt: skip
    return study, records


def ended_badly() -> tuple[StudyResults, list[TrialRecord]]:
    """A study whose cells ended in every way there is."""
    done = record("good", 0, 0.5)
    records = [
        done,
        record("nan", 1, None, status="diverged", reason="loss is NaN at step 7"),
        record("oops", 0, None, status="failed", reason="out of memory"),
    ]
    cells = (
        Cell("a", {}, 0, "good", "done"),
        Cell("a", {}, 1, "nan", "diverged"),
        Cell("b", {}, 0, "oops", "failed"),
        Cell("c", {}, 0, "big", "rejected", "9.1 G multiply-adds over the limit of 5 G", 1, 9100),
        Cell("d", {}, 0, "later", "pending"),
        Cell("e", {}, 0, "lost", "done"),
    )
    return StudyResults("ends", "laptop", "What ends how?", cells, baseline="a"), records


def fusion(seeds: int = 6) -> tuple[StudyResults, list[TrialRecord]]:
    """Named arms, a tuned learning rate, and weights that move in one arm and not in another."""
    draw = random.Random(3)
    rate = "recipe.optimizer.learning_rate"
    ends = {"mean": 0.5, "fast": 0.62, "softmax": 0.503}
    gains = {"mean": 0.0, "fast": 0.03, "softmax": 0.0}
    cells, records = [], []
    for arm, end in ends.items():
        for value in (0.05, 0.1):
            for seed in range(seeds):
                trial = f"{arm}{value}{seed}"
                ap = 0.5 + gains[arm] + (0.01 if value == 0.1 else 0.0) + draw.gauss(0, 0.004)
                weights = [{"p3_out@1": [0.5, 0.5]}, {"p3_out@1": [end, 1 - end]}]
                graph = network("softmax" if arm == "softmax" else "fast", still=arm == "mean")
                one = record(trial, seed, ap, weights=weights, frozen="none", graph=graph)
                records.append(one)
                cells.append(Cell(arm, {rate: value}, seed, trial, "done", None, 10, 10**9))
    study = StudyResults(
        "fusion", "laptop", "Does <b>weighting</b> pay for $x_1$?", tuple(cells),
        axes={rate: [0.05, 0.1]}, arms=tuple(ends), baseline="mean",
        report={"tuned": rate, "spine": ["mean", "softmax", "fast"], "note": "A short profile."},
    )  # fmt: skip
    return study, records


@pytest.fixture
def make() -> SimpleNamespace:
    """What makes the studies and records above."""
    return SimpleNamespace(
        grid=grid,
        fusion=fusion,
        ended_badly=ended_badly,
        record=record,
        network=network,
        matches=some_matches,
    )
