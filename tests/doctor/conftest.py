"""Control studies as a run leaves them, made here."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from harness.doctor import Setting
from harness.ledger import Ledger
from harness.records import Environment, Metrics, TrialRecord
from harness.studies import Cell, StudyResults, write_study

HERE = Environment("host", "cpu", 1, {}, None, "2026-01-01T00:00:00+00:00")
Arms = Mapping[str, Sequence[tuple[float, float]]]
"""AP where context is needed and where nothing is, of each seed of each arm."""


def wobble(context: float, nothing: float, n: int = 6) -> list[tuple[float, float]]:
    """Seeds that differ a little."""
    return [(context + 0.002 * (i % 3), nothing + 0.001 * ((i + 1) % 3)) for i in range(n)]


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    (tmp_path / "scratch").mkdir()
    return Setting(tmp_path / "results", tmp_path / "scratch", "cpu")


@pytest.fixture
def keep(setting: Setting) -> Callable[..., None]:
    """Writes a study of these arms; a seed of which nothing is said has no record."""

    def write(
        study: str,
        arms: Arms,
        lacking: int = 0,
        profile: str = "laptop",
        needs: bool = True,
    ) -> None:
        cells = []
        for arm, seeds in arms.items():
            for seed, (context, nothing) in enumerate(seeds):
                trial = f"{study}-{profile}-{arm}-{seed}"
                cells.append(Cell(arm, {}, seed, trial, "done"))
                if arm == list(arms)[-1] and seed >= len(seeds) - lacking:
                    continue
                by_need = {"context": context, "none": nothing} if needs else {}
                ap = (context + nothing) / 2
                metrics = Metrics(ap, ap, ap, None, ap, ap, {"a": ap}, by_need)
                record = TrialRecord(trial, "done", {}, HERE, 1.0, metrics)
                Ledger(setting.results).write(record)
        found = StudyResults(study, profile, "?", tuple(cells), arms=tuple(arms))
        write_study(setting.results, found)

    return write
