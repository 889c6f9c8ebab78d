"""What every network of the zoo is and costs, kept in `golden/zoo.json`.

A change of a file, of the language or of an op that moves a count or a digest shows here. To accept
one, or to enter a new file: `python tests/test_golden_zoo.py`, then read the difference.
"""

import json
from pathlib import Path

import pytest

from harness.graph import digest, expand, infer
from harness.space.zoo import load_topology, topology_names

GOLDEN = Path(__file__).with_name("golden") / "zoo.json"
WIDTH, PIXELS = 64, 512
CHANNELS = {2: 24, 3: 40, 4: 112, 5: 320}
"""EfficientNet-B0's maps, as in D0."""


def row(name: str) -> dict[str, object]:
    graph = expand(load_topology(name))
    facts = infer(graph, channels=CHANNELS, width=WIDTH, image_size=PIXELS)
    return {
        "nodes": len(graph.nodes),
        "edges": sum(len(node.inputs) for node in graph.nodes),
        "outputs": " ".join(f"p{level}" for level, _ in graph.outputs),
        "params": facts.params,
        "macs": facts.macs,
        "digest": digest(graph)[:16],
    }


@pytest.mark.parametrize("name", topology_names())
def test_it_is_what_it_was(name):
    golden = json.loads(GOLDEN.read_text())
    assert name in golden, f"{name} has no row: python {Path(__file__).name}"
    assert row(name) == golden[name]


def test_no_row_is_left_over():
    assert list(json.loads(GOLDEN.read_text())) == list(topology_names())


def test_all_networks_differ():
    rows = json.loads(GOLDEN.read_text()).values()
    assert len({one["digest"] for one in rows}) == len(rows)


def main() -> None:
    rows = {name: row(name) for name in topology_names()}
    lines = [f"{json.dumps(name)}: {json.dumps(found)}" for name, found in rows.items()]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{GOLDEN}: {len(rows)} networks")


if __name__ == "__main__":
    main()
