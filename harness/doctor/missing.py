"""Trains what the controls lack: `harness doctor --controls`."""

from collections.abc import Callable
from pathlib import Path

from harness.crew import Watching
from harness.errors import SpecError
from harness.run import Orders, Outcome, run_study
from harness.space.profiles import load_study
from harness.space.study import Study
from harness.space.workplace import Workplace

STUDIES = ("control.yaml", "aa.yaml")
"""In this order: the second shares trials with the first."""
SHIPPED = Path(__file__).parents[2] / "search_spaces"


def control_studies(profile: str | None) -> tuple[Study, ...]:
    """The studies of the controls; a `SpecError` where their files are not here."""
    folder = next((one for one in (Path("search_spaces"), SHIPPED) if _has(one)), None)
    if folder is None:
        raise SpecError(f"no search_spaces/{STUDIES[0]} here: --controls needs a checkout")
    return tuple(load_study(folder / name, profile=profile) for name in STUDIES)


def train_missing(
    studies: tuple[Study, ...],
    where: Workplace,
    watching: Callable[[Study], Watching | None],
    say: Callable[[str], None],
) -> tuple[Outcome, ...]:
    """Run each study: what the ledger has is not trained again."""
    done = []
    for study in studies:
        done.append(run_study(study, Orders(where), watching=watching(study), say=say))
    return tuple(done)


def _has(folder: Path) -> bool:
    return all((folder / name).is_file() for name in STUDIES)
