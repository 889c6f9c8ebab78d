"""What every network of the zoo is and costs, kept in `golden/zoo.json` and told in `docs/zoo.md`.

A change of a file, of the language or of an op that moves a count or a digest shows here. To accept
one, or to enter a new file: `python tests/test_golden_zoo.py`, then read the difference.
"""

import json
from pathlib import Path

import pytest

from harness.graph import digest, expand, infer
from harness.space.zoo import load_topology, topology_names

GOLDEN = Path(__file__).with_name("golden") / "zoo.json"
PAGE = Path(__file__).parents[1] / "docs" / "zoo.md"
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


ABOUT = f"""# The zoo

Every network of `harness/topologies/`, one YAML file each: who proposed it, what of the file is
published, what is inferred, and what is left out, all said in the file. Counts are of the whole
graph as the file has it, at width {WIDTH} on EfficientNet-B0's maps of a {PIXELS} px image:
multiply-adds of convolutions, linear layers and attention. Most of these networks were published
wider, so rows say what a graph costs, not what its authors' detector does. `harness show NAME`
takes any width, repeats, levels and image size. Written by `python tests/test_golden_zoo.py`.

| network | nodes | edges | outputs | params | multiply-adds | from |
| --- | ---: | ---: | --- | ---: | ---: | --- |
"""
END = """
≈ says only part of its network, and the file says which.

Of the 39 networks this zoo set out to say, one is not in it: the recursive pyramid of DetectoRS
feeds its maps back into a second copy of the backbone, and no feature network can say what happens
there; without it another network would stand under that name. SEPC's batch norm over all levels at
once is the one other idea the language cannot say; `sepc` has one a level, with shared weights.
"""


def page(rows: dict[str, dict[str, object]]) -> str:
    """`docs/zoo.md`."""
    lines = []
    for name, found in rows.items():
        tree = load_topology(name).tree
        first = (
            str(tree["source"])
            .split(";")[0]
            .split(",")[0]
            .split(" (")[0]
            .split(". ")[0]
            .strip(" .")
        )
        mark = " ≈" if "approximates" in tree else ""
        outputs = str(found["outputs"]).split()
        levels = outputs[0] if len(outputs) == 1 else f"{outputs[0]}..{outputs[-1]}"
        cells = (
            f"[`{name}`](../harness/topologies/{name}.yaml){mark}",
            found["nodes"],
            found["edges"],
            levels,
            f"{found['params']:,}",
            f"{found['macs']:,}",
            first,
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return ABOUT + "\n".join(lines) + "\n" + END


def test_the_page_tells_the_same():
    assert PAGE.read_text() == page(json.loads(GOLDEN.read_text()))


def main() -> None:
    rows = {name: row(name) for name in topology_names()}
    lines = [f"{json.dumps(name)}: {json.dumps(found)}" for name, found in rows.items()]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    PAGE.write_text(page(rows))
    print(f"{GOLDEN}, {PAGE}: {len(rows)} networks")


if __name__ == "__main__":
    main()
