"""Search under a FLOPs limit: networks of four sizes, and nothing over the limit is trained.

    python examples/search_under_flops.py [FOLDER]

Prints what became of every proposal, with its cost or why it was passed over, and the best one.
What is said here of a small space holds of `search.topology`, whose points are graphs.
"""

import sys
from pathlib import Path

import harness
from harness.run import Orders, run_study
from harness.space.profiles import load_study
from harness.space.workplace import Workplace

LIMIT = 150_000
"""Most multiply-adds of the feature network (one each, as papers count FLOPs), for one image."""
STUDY = f"""\
question: Which BiFPN is best under {LIMIT:,} multiply-adds?
model:
  image_size: 64
  backbone: {{name: lcnet_035}}
  feature_network: {{topology: bifpn, width: 8, repeats: 1, projection: always}}
  head: {{width: 8, depth: 1}}
limits: {{feature_network.macs: {LIMIT}}}
search:
  kind: random
  trials: 3
  space:
    model.feature_network.width: {{low: 8, high: 24, step: 4}}
    model.feature_network.repeats: {{low: 1, high: 2}}
recipe: {{batch_size: 8, schedule: {{epochs: 1}}}}
data: {{name: shapes, train_images: 16, val_images: 8}}
"""


def main(folder: Path) -> None:
    file, results = folder / "limit.yaml", folder / "results"
    file.write_text(STUDY)
    run_study(load_study(file), Orders(Workplace(results, device="cpu")))
    for cell in harness.table(results, "limit").to_dict("records"):
        cost = f"{cell['macs.feature_network']:,.0f} multiply-adds"
        said = cell["reason"] if isinstance(cell["reason"], str) else cost  # NaN: there is none
        print(f"{cell['label']}: {cell['status']}, {said}")
    front = harness.pareto(harness.table(results, "limit")).points
    best = front.loc[front["ap"].idxmax()]
    print(f"best under the limit: {best['label']}, AP {best['ap']:.3f} after one epoch")


if __name__ == "__main__":
    where = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    if not where.is_dir():
        print(f"{where}: no such folder", file=sys.stderr)
        sys.exit(2)
    main(where)
