"""The results that the repository holds: runs their studies, and keeps what a reader needs of them.

    python benchmarks/shipped.py [STUDY...] [--results results] [--reports reports] [--no-run]

Each study is run (`harness run`, profile `laptop_full`: what is there already is not trained
again), and its records, match records, plans and page are copied to `results/shipped/<study>/` and
`reports/shipped/<study>/`. Detections, checkpoints and draws stay behind: contrasts, tables and
plots can be made from what is copied, pictures of detections and errors by kind stand on the page.
About an hour and a half on two cores for all.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
STUDIES = ("bifpn_width", "cross_scale", "fusion")
PROFILE = "laptop_full"
KEPT = ("record.json", "matches-*.npz")


def run(study: str, results: Path, reports: Path) -> None:
    """Trains what the ledger lacks; ends this script where a trial failed."""
    file = ROOT / "search_spaces" / f"{study}.yaml"
    places = ["--results", str(results), "--reports", str(reports)]
    command = [sys.executable, "-m", "harness.cli", "run", str(file), "--profile", PROFILE, *places]
    subprocess.run(command, check=True)


def keep(study: str, results: Path, reports: Path) -> None:
    """Copies what is kept over what was shipped of this profile before."""
    shipped, page = ROOT / "results" / "shipped" / study, ROOT / "reports" / "shipped" / study
    for folder in (shipped, page):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(results / "studies" / study, shipped / "studies" / study)
    cells = json.loads((results / "studies" / study / f"{PROFILE}.json").read_text())["cells"]
    for trial in sorted({cell["id"] for cell in cells}):
        folder = shipped / "ledger" / trial
        folder.mkdir(parents=True)
        for pattern in KEPT:
            for file in (results / "ledger" / trial).glob(pattern):
                shutil.copy(file, folder)
    shutil.copytree(
        reports / study / PROFILE, page / PROFILE, ignore=shutil.ignore_patterns(".made.json")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("studies", nargs="*", default=STUDIES)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--reports", type=Path, default=Path("reports"))
    parser.add_argument("--no-run", action="store_true", help="keep what has been run")
    said = parser.parse_args()
    for study in said.studies:
        if not said.no_run:
            run(study, said.results, said.reports)
        keep(study, said.results, said.reports)


if __name__ == "__main__":
    main()
