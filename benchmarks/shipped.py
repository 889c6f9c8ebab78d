"""The results that the repository holds: runs their studies, and keeps what a reader needs of them.

    python benchmarks/shipped.py [STUDY...] [--results results] [--reports reports] [--no-run]

Each study is run (`harness run`, profile `laptop_full`: what is there already is not trained
again). Its records, match records and plans are copied to `results/shipped`, its page to
`reports/shipped/<study>`. Match records are packed tighter, with the same arrays. Detections,
checkpoints and draws stay behind: contrasts, tables and plots can be made from what is copied;
pictures of detections and errors by kind stand on the page alone.
About an hour and a half on two cores for the first three, a quarter of an hour for the controls.
"""

import argparse
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHIPPED, PAGES = ROOT / "results" / "shipped", ROOT / "reports" / "shipped"
STUDIES = ("bifpn_width", "cross_scale", "fusion", "control", "aa")
PROFILE = "laptop_full"


def run(study: str, results: Path, reports: Path) -> None:
    """Trains what the ledger lacks; ends this script where a trial failed."""
    file = ROOT / "search_spaces" / f"{study}.yaml"
    places = ["--results", str(results), "--reports", str(reports)]
    command = [sys.executable, "-m", "harness.cli", "run", str(file), "--profile", PROFILE, *places]
    subprocess.run(command, check=True)


def keep(study: str, results: Path, reports: Path) -> None:
    """Copies what is kept of a study over what was shipped of it before."""
    for whole, kept in (
        (results / "studies" / study, SHIPPED / "studies" / study),
        (reports / study, PAGES / study),
    ):
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(whole, kept, ignore=shutil.ignore_patterns(".made.json"))
    for trial in trials(SHIPPED / "studies" / study):
        folder = SHIPPED / "ledger" / trial
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(results / "ledger" / trial / "record.json", folder)
        for file in (results / "ledger" / trial).glob("matches-*.npz"):
            pack(file, folder / file.name)


def pack(whole: Path, packed: Path) -> None:
    """The same arrays by LZMA, a sixth smaller; `numpy.load` reads either."""
    with zipfile.ZipFile(whole) as one, zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as other:
        for name in one.namelist():
            made = zipfile.ZipInfo(name)  # of 1980: the same bytes whenever it is made
            made.compress_type = zipfile.ZIP_LZMA
            other.writestr(made, one.read(name))


def trials(study: Path) -> set[str]:
    """Of every profile that a study has results of, with those trained for their backbone."""
    trees = [json.loads(file.read_text()) for file in study.glob("*.json")]
    cells = {cell["id"] for tree in trees for cell in tree["cells"] if cell["status"] != "rejected"}
    return cells | {trial for tree in trees for trial in tree.get("sources", ())}


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
