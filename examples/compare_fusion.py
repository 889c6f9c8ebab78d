"""Compare fusion methods: one BiFPN, three ways to add maps up, in half a minute.

    python examples/compare_fusion.py [FOLDER]

Prints each method's AP against the plain sum with its interval, and the weights that the learned
ones came to. For an answer, train longer: search_spaces/fusion.yaml does, with a learning rate a
method.
"""

import sys
from pathlib import Path

import harness
from harness.ledger import Ledger
from harness.run import Orders, run_study
from harness.space.profiles import load_study
from harness.space.workplace import Workplace

STUDY = """\
question: Do learned fusion weights pay?
model:
  image_size: 64
  backbone: {name: lcnet_035}
  feature_network: {topology: bifpn, width: 8, repeats: 1, projection: always}
  head: {width: 8, depth: 1}
arms:
  sum: {model.feature_network.fuse: sum}
  softmax: {model.feature_network.fuse: {weighted: softmax}}
  fast: {model.feature_network.fuse: {weighted: fast}}
baseline: sum
seeds: 2
recipe: {batch_size: 8, schedule: {epochs: 1}}
data: {name: shapes, train_images: 16, val_images: 8}
"""


def main(folder: Path) -> None:
    file, results = folder / "fuses.yaml", folder / "results"
    file.write_text(STUDY)
    run_study(load_study(file), Orders(Workplace(results, device="cpu")))
    for arm in ("softmax", "fast"):
        print(harness.contrast(f"fuses:{arm}", "fuses:sum", results=results))

    cells = harness.table(results, "fuses")
    for cell in cells[(cells["seed"] == 0) & (cells["arm"] != "sum")].to_dict("records"):
        weights = Ledger(results).get(cell["id"]).curve[-1].fusion_weights
        node, held = next(iter(weights.items()))
        print(f"{cell['arm']}: {node} weighs its inputs {', '.join(f'{w:.3f}' for w in held)}")


if __name__ == "__main__":
    where = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    if not where.is_dir():
        print(f"{where}: no such folder", file=sys.stderr)
        sys.exit(2)
    main(where)
