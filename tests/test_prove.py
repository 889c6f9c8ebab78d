"""Every network of the zoo: built, run at odd sizes, differentiated, folded, held to closed form.

fvcore counts multiply-adds of convolutions and linear layers; of what else the closed form counts
it leaves out deformable convolutions and attention products (`UNCOUNTED`).
"""

from dataclasses import replace
from functools import cache

import pytest

import harness.compiler
from harness.cost import count_maps
from harness.graph import Graph, Op, expand, infer
from harness.prove import CHANNELS, prove
from harness.space.zoo import load_topology, topology_names

ZOO = topology_names()
COMPARED = (
    "afpn",
    "asff",
    "bifpn",
    "csp_pan",
    "fpn",
    "fpn_efficientdet",
    "fully_connected",
    "gold_yolo",
    "hrfpn",
    "lateral",
    "nas_fpn",
    "pafpn",
    "panet",
    "qufpn",
    "rep_gfpn",
    "simplified_panet",
    "yolo_pan",
)
"""What people compare: these get every proof by default, the others by `make test-slow`."""
FLOORED = {2: (83, 129), 3: (41, 64), 4: (20, 32), 5: (10, 16)}
"""Sizes of a backbone that rounds down, of an image of 333 x 517 pixels."""
COUNTED = ("conv", "linear", "matmul", "bmm", "baddbmm", "addmm", "einsum")
UNCOUNTED = ("deform", "attention", "nonlocal")
"""Ops, by what their names hold, of whose work fvcore leaves something out."""


@cache
def network(name: str, repeats: int | None = None) -> Graph:
    topology = load_topology(name)
    return expand(topology, repeats=repeats if topology.blueprint.repeated is not None else None)


def ops(graph: Graph) -> set[str]:
    on_edges: list[Op] = [op for n in graph.nodes for edge in n.inputs for op in edge.path]
    return {op.name for n in graph.nodes for op in (n.fuse, n.block)} | {op.name for op in on_edges}


@pytest.mark.parametrize("name", ZOO)
def test_it_holds_at_an_odd_size(name):
    size = (333, 517) if name in COMPARED else (133, 207)
    assert prove(network(name), width=12, image_size=size) == []


@pytest.mark.parametrize("name", COMPARED)
def test_it_holds_on_a_backbone_that_rounds_down(name):
    assert prove(network(name), width=8, sizes=FLOORED) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("repeats", [1, 2, 3])
@pytest.mark.parametrize("width", [8, 24])
@pytest.mark.parametrize("image_size", [(128, 128), (97, 131), (33, 65)])
def test_it_holds_for_every_width_and_number_of_repeats(name, repeats, width, image_size):
    assert prove(network(name, repeats), width=width, image_size=image_size) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(ZOO) - set(COMPARED)))
def test_the_others_hold_on_a_backbone_that_rounds_down(name):
    assert prove(network(name), width=8, sizes=FLOORED) == []


def counted(name: str, side: int, width: int) -> tuple[int, int, bool]:
    """fvcore's multiply-adds, the closed form's, and whether fvcore can see all of them."""
    graph = network(name)
    cells = {level: -(-side // 2**level) for level in graph.inputs}
    channels = {f"p{level}": CHANNELS[level] for level in graph.inputs}
    built = harness.compiler.compile(graph, channels=channels, width=width)
    shapes = {f"p{at}": (1, CHANNELS[at], n, n) for at, n in cells.items()}
    found = count_maps(built, shapes)
    facts = infer(graph, channels=CHANNELS, width=width, image_size=side)
    whole = not any(word in op for op in ops(graph) | {"-"} for word in (*UNCOUNTED, "dynamic"))
    return sum(found.operators.get(name, 0) for name in COUNTED), facts.macs, whole


@pytest.mark.parametrize("name", COMPARED)
def test_fvcore_counts_as_much(name):
    theirs, ours, whole = counted(name, 165, 16)
    assert theirs == ours if whole else theirs < ours


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(ZOO) - set(COMPARED)))
def test_fvcore_counts_as_much_of_the_others(name):
    theirs, ours, whole = counted(name, 165, 16)
    assert theirs == ours if whole else theirs < ours


def test_what_does_not_hold_is_said(monkeypatch):
    """The proofs can fail: a wrong size, a wrong count, a parameter that is left out."""
    from harness.compiler import FeatureNetwork
    from harness.graph.ops import BLOCKS

    graph = network("lateral", 1)
    run = FeatureNetwork.forward

    def cut(self, maps):
        made = run(self, maps)
        return {**made, "p3": made["p3"][:, :, 1:].detach()}

    monkeypatch.setattr(FeatureNetwork, "forward", cut)
    said = " ".join(prove(graph))
    assert "p3 has (41, 65) cells, not (42, 65)" in said
    assert "p3_out_1.block.pointwise.weight gets no gradient" in said
    monkeypatch.undo()
    wrong = replace(BLOCKS.get("sepconv"), macs=lambda op, shape: 1)
    monkeypatch.setitem(BLOCKS._items, "sepconv", wrong)
    assert "multiply-adds, " in prove(graph)[0]
