"""Run a study and read its results: two widths, two seeds each, in a few seconds.

    python examples/run_and_read.py [FOLDER]

Prints the table of trials, what parts the two widths, and the Pareto front; leaves records in
FOLDER/results and a report in FOLDER/reports. Trainings this short rank nothing, and it says so.
"""

import sys
from pathlib import Path

import harness
from harness.report import write_report
from harness.run import Orders, run_study
from harness.space.profiles import load_study
from harness.space.workplace import Workplace

STUDY = """\
question: Does a wider network pay?
model:
  image_size: 64
  backbone: {name: lcnet_035}
  feature_network: {topology: bifpn, width: 8, repeats: 1, projection: always}
  head: {width: 8, depth: 1}
arms:
  narrow: {}
  wide: {model.feature_network.width: 16}
baseline: narrow
seeds: 2
recipe: {batch_size: 8, schedule: {epochs: 1}}
data: {name: shapes, train_images: 16, val_images: 8}
"""


def main(folder: Path) -> None:
    file, results = folder / "widths.yaml", folder / "results"
    file.write_text(STUDY)
    # Resumable: what the records hold is not trained again. `engine="ray"` trains side by side.
    run_study(load_study(file), Orders(Workplace(results, device="cpu")))

    table = harness.table(results, "widths")
    print(table[["arm", "seed", "status", "ap", "params", "macs"]].to_string(index=False))
    print(harness.contrast("widths:wide", "widths:narrow", results=results))
    print(harness.pareto(table, x="macs").points.to_string(index=False))
    print(write_report(results, "widths", "default", folder / "reports")[0])


if __name__ == "__main__":
    where = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    if not where.is_dir():
        print(f"{where}: no such folder", file=sys.stderr)
        sys.exit(2)
    main(where)
