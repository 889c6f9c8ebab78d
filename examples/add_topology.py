"""Say a new topology in YAML, have it checked and counted, and use it as a torch module.

    python examples/add_topology.py [FOLDER]

Prints its size and cost, what did not hold when it was built and run, and the maps it makes; leaves
FOLDER/zigzag.yaml, which `harness check`, `show` and any study's `topology:` take.
"""

import sys
from pathlib import Path

import torch

import harness
from harness.graph import expand, infer
from harness.prove import prove

ZIGZAG = """\
name: zigzag
source: An example.
published: Nothing.
inferred: Everything.
levels: p3..p5
rows:
  down: {order: down, skip_first: true, from: [in, down.coarser | in.coarser]}
  up: {order: up, skip_first: true, from: [down | in, up.finer | down.finer]}
  out: {from: [in, up | down], fuse: {weighted: fast}}
"""
CHANNELS = {"p3": 40, "p4": 112, "p5": 320}
"""Of EfficientNet-B0's maps."""


def main(folder: Path) -> None:
    file = folder / "zigzag.yaml"
    file.write_text(ZIGZAG)
    graph = expand(harness.load_topology(file))  # a SpecError names every fault with its line
    levels = {int(name[1:]): number for name, number in CHANNELS.items()}
    facts = infer(graph, channels=levels, width=64, image_size=512)
    print(f"{graph.name}: {len(graph.nodes)} nodes, {facts.params:,} parameters, "
          f"{facts.macs / 1e9:.2f} billion multiply-adds at 512 px")  # fmt: skip
    # Built, run, differentiated, counted anew, in half precision and with norms folded:
    print("; ".join(prove(graph)) or "all that was put to the test holds")

    network = harness.compile(graph, channels=CHANNELS, width=64).eval()
    maps = {name: torch.randn(1, n, 512 >> int(name[1:]), 512 >> int(name[1:]))
            for name, n in CHANNELS.items()}  # fmt: skip
    with torch.no_grad():
        for name, made in network(maps).items():
            print(name, tuple(made.shape))


if __name__ == "__main__":
    where = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    if not where.is_dir():
        print(f"{where}: no such folder", file=sys.stderr)
        sys.exit(2)
    main(where)
