"""What leaves torch gives the same: torch.export at one size and at any, ONNX, torch.compile.

Sizes are such that every level is half of the finer one; elsewhere paddings differ from size to
size, and a program of any size cannot hold them all. Some networks go through everything here, the
whole zoo does under `make test-slow`.
"""

import io
import warnings
from typing import Any

import pytest
import torch
from oracles import deviation, random_maps, randomise
from torch import Tensor

import harness.compiler
from harness.compiler import FeatureNetwork
from harness.graph import parse
from harness.space.zoo import load_topology, topology_names

CHANNELS = {"p2": 8, "p3": 12, "p4": 20, "p5": 24}
WIDTH = 8
TOLERANCE = 1e-4
"""Greatest difference over greatest output: kernels are others, the network is the same."""

SOME = ("bifpn", "nas_fpn", "fpn", "yolo_pan", "asff")
"""Weights, gates, taps, CSP stages behind concatenations, weights per cell."""

CANNOT: dict[tuple[str, str], str] = {
    ("aug_fpn", "any size"): "which of its pools have but the one cell they have at least is fixed",
}
"""(network, way out): why there is none. Ways: `export`, `any size`, `onnx`, `compile`."""


def networks(way: str, some: tuple[str, ...] = SOME) -> list[Any]:
    """The whole zoo, all but some of it slow; what cannot be is skipped with its reason."""
    found = []
    for name in topology_names():
        reason = CANNOT.get((name, way))
        marks = [pytest.mark.skip(reason=reason)] if reason else []
        found.append(pytest.param(name, marks=marks + [pytest.mark.slow] * (name not in some)))
    return found


def build(name: str) -> FeatureNetwork:
    """A network of the zoo, one cell of it, with random numbers."""
    topology = load_topology(name)
    network = harness.compiler.compile(topology, channels=CHANNELS, width=WIDTH, repeats=1)
    return calm(network.eval())


@torch.no_grad()
def calm(network: FeatureNetwork) -> FeatureNetwork:
    """Random numbers, but such that no kernel is displaced far.

    Where displaced kernels follow each other, what they read is chaotic: single and double
    precision differ by as much as the wrong kernel would.
    """
    randomise(network)
    for name, value in network.named_parameters():
        if any(part in ("offsets", "steer") for part in name.split(".")):
            value *= 0.05
    return network


def unit(network: FeatureNetwork) -> int:
    """Pixels of a side that all levels divide."""
    levels = [node.level for node in network.graph.nodes]
    return 2 ** max(*levels, *network.graph.inputs)


def maps_of(network: FeatureNetwork, high: int, wide: int) -> dict[str, Tensor]:
    return random_maps(network.channels, (high * unit(network), wide * unit(network)))


def exported(network: FeatureNetwork, maps: dict[str, Tensor], shapes: Any = None) -> Any:
    return torch.export.export(
        network, (maps,), dynamic_shapes=None if shapes is None else (shapes,)
    )


def onnx_outputs(program: Any, maps: dict[str, Tensor]) -> list[Tensor]:
    """What ONNX Runtime makes of a program."""
    runtime = pytest.importorskip("onnxruntime")
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(program, dynamo=True, verbose=False).save(file)
    session = runtime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    fed = dict(zip(names, [x.numpy() for x in maps.values()], strict=True))
    return [torch.from_numpy(y) for y in session.run(None, fed)]


def any_size(network: FeatureNetwork) -> dict[str, dict[int, Any]]:
    """Sizes of the maps for any number of units high and wide."""
    sides = {2: torch.export.Dim("high", min=2, max=64), 3: torch.export.Dim("wide", min=2, max=64)}
    shapes = {}
    for name in network.channels:
        cells = unit(network) >> int(name[1:])
        shapes[name] = {axis: cells * side for axis, side in sides.items()}
    return shapes


@pytest.mark.parametrize("name", networks("export"))
@torch.no_grad()
def test_exported_and_in_onnx_runtime(name):
    network = build(name)
    maps = maps_of(network, 1, 2)
    expected = network(maps)
    program = exported(network, maps)
    assert deviation(program.module()(maps), expected) < TOLERANCE
    if (name, "onnx") not in CANNOT:
        found = dict(zip(expected, onnx_outputs(program, maps), strict=True))
        assert deviation(found, expected) < TOLERANCE


@pytest.mark.parametrize("name", networks("any size", ("fpn", "yolo_pan")))
@torch.no_grad()
def test_exported_for_any_size(name):
    network = build(name)
    program = exported(network, maps_of(network, 2, 3), any_size(network))
    for high, wide in ((2, 3), (5, 2)):
        maps = maps_of(network, high, wide)
        assert deviation(program.module()(maps), network(maps)) < TOLERANCE


@torch.no_grad()
def test_in_onnx_runtime_at_any_size():
    network = build("fpn")
    program = exported(network, maps_of(network, 2, 3), any_size(network))
    maps = maps_of(network, 4, 2)
    expected = network(maps)
    found = dict(zip(expected, onnx_outputs(program, maps), strict=True))
    assert deviation(found, expected) < TOLERANCE


@pytest.mark.parametrize("name", networks("compile"))
@torch.no_grad()
def test_dynamo_sees_one_graph(name):
    """Nothing in a network makes Python step in between; the compiler itself is left out."""
    network = build(name)
    torch._dynamo.reset()
    maps = maps_of(network, 1, 2)
    found = torch.compile(network, fullgraph=True, backend="aot_eager")(maps)
    assert deviation(found, network(maps)) < TOLERANCE


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [p for p in topology_names() if (p, "compile") not in CANNOT])
@torch.no_grad()
def test_compiled(name):
    network = build(name)
    torch._dynamo.reset()
    maps = maps_of(network, 1, 2)
    found = torch.compile(network, fullgraph=True)(maps)
    assert deviation(found, network(maps)) < TOLERANCE


def test_an_exported_program_is_of_its_own_network():
    """The comparison fails where a program is of a network with one edge moved."""
    tree = load_topology("fpn").tree
    nodes = {"p3_out": {"level": "p3", "from": ["p3", {"from": "p5_out", "tap": "before"}]}}
    wrong = tree | {"stages": [tree["stages"][0] | {"nodes": nodes}, *tree["stages"][1:]]}
    network = build("fpn")
    other = harness.compiler.compile(parse(wrong), channels=CHANNELS, width=WIDTH).eval()
    other.load_state_dict(network.state_dict())
    maps = maps_of(network, 1, 2)
    with torch.no_grad():
        program = exported(other, maps)
        assert deviation(program.module()(maps), network(maps)) > 1e-2
