"""Half precision, memory format and odd sizes at once, for every network of the zoo.

All numbers are random; of a fresh network the outputs are too small to overflow anything.
"""

import pytest
import torch
from oracles import random_maps, randomise

import harness.compiler
from harness.space.zoo import load_topology, topology_names

CHANNELS = {"p2": 8, "p3": 12, "p4": 20, "p5": 24}
WIDTH = 16
"""With 8 some maps have one channel, and such a map has no memory format of its own."""
PIXELS = (333, 517)
"""No level is half of the finer one."""


@pytest.fixture(params=topology_names())
def network(request):
    topology = load_topology(request.param)
    made = harness.compiler.compile(topology, channels=CHANNELS, width=WIDTH, repeats=1)
    randomise(made)
    return made.eval()


@torch.no_grad()
def test_half_precision_keeps_finite_and_channels_last(network):
    maps = random_maps(network.channels, PIXELS, batch=1)
    maps = {name: x.contiguous(memory_format=torch.channels_last) for name, x in maps.items()}
    expected = network(maps)
    for level in network.levels:
        if level >= network.graph.inputs[0]:  # finer ones have twice as many cells each
            sides = tuple(-(-side // 2**level) for side in PIXELS)
            assert expected[f"p{level}"].shape[2:] == sides
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", dtype):
            found = network({name: x.to(dtype) for name, x in maps.items()})
        for name, y in expected.items():
            assert (found[name].shape, found[name].dtype) == (y.shape, dtype)
            assert found[name].isfinite().all(), (name, dtype)
            for made in (y, found[name]):
                assert made.is_contiguous(memory_format=torch.channels_last), (name, made.dtype)
            close = torch.nn.functional.cosine_similarity(
                found[name].float().flatten(), y.flatten(), dim=0
            )
            assert close > 0.9, (name, dtype, float(close))
