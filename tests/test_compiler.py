"""The compiled module: exact cost, first values by meaning, any size, copies and tracing."""

import copy
import io
import pickle
import random
import re
import warnings

import pytest
import torch

import harness.compiler
from harness.cost import conv_macs
from harness.errors import SpecError, TrialError
from harness.graph import Topology, expand, infer, parse, with_fields
from harness.space.zoo import load_topology, topology_names

# Params and convolution multiply-adds under the `efficientdet` conventions with plain sums
# (closed form, equal to effdet's patched with these graphs on the meta device).
ORACLE = {
    "fpn_efficientdet": ((124_416, 104_782_848), (246_752, 351_903_200), (979_840, 2_971_783_360)),
    "panet": ((197_376, 181_254_144), (422_752, 642_980_800), (1_805_440, 5_682_651_520)),
    "simplified_panet": (
        (168_192, 123_620_352),
        (352_352, 423_605_600),
        (1_475_200, 3_639_563_200),
    ),
    "nas_fpn": ((160_960, 140_827_648), (327_272, 476_933_600), (1_332_320, 4_057_592_000)),
    "fully_connected": (
        (247_552, 197_057_536),
        (416_064, 550_149_600),
        (1_349_120, 3_822_768_320),
    ),
    "bifpn_sum": ((196_224, 136_203_264), (390_896, 450_639_200), (1_559_360, 3_755_971_520)),
    "bifpn": ((196_281, 136_203_264), (390_972, 450_639_200), (1_559_474, 3_755_971_520)),
}
# Width, repeats, pixels, channels of p3..p5.
FAMILY = {
    "d0": (64, 3, 512, (40, 112, 320)),
    "d1": (88, 4, 640, (40, 112, 320)),
    "d3": (160, 6, 896, (48, 136, 384)),
}
CHANNELS = {"p3": 12, "p4": 20, "p5": 24}
ZOO_CHANNELS = {"p2": 8, **CHANNELS}

BIFPN = {
    "name": "bifpn",
    "rows": {
        "td": {"order": "down", "skip_first": True, "from": ["in", "td.coarser | in.coarser"]},
        "out": {"order": "up", "skip_first": True, "from": ["in", "td", "out.finer | td.finer"]},
    },
    "fuse": {"weighted": "fast"},
    "repeats": 2,
}


def zoo(name: str) -> Topology:
    if name == "bifpn_sum":
        return parse(BIFPN | {"fuse": "sum"})
    topology = load_topology(name)
    if name == "nas_fpn":
        return parse(with_fields(topology.tree, {"conventions": "efficientdet"}))
    return topology


def twice(name: str) -> Topology:
    """A shipped topology with two repeats, if it repeats at all."""
    topology = load_topology(name)
    if topology.repeats == 1:
        return topology
    return parse(with_fields(topology.tree, {"repeats": 2}))


def build(tree_or_graph, width=8, **more):
    if isinstance(tree_or_graph, dict):
        tree_or_graph = parse(tree_or_graph)
    return harness.compiler.compile(tree_or_graph, channels=CHANNELS, width=width, **more)


def maps(size=(64, 64), batch=2, channels=CHANNELS, seed=0):
    """Backbone maps for an image of `size` times 8 pixels."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {}
    for name, count in channels.items():
        stride = 2 ** int(name[1:])
        shapes[name] = (batch, count, *(-(-8 * side // stride) for side in size))
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def step(network, x):
    """All that one training step computes: outputs, gradients' norm, clipped gradients."""
    network.train()
    out = network(x)
    sum((y * y.detach().cos()).sum() for y in out.values()).backward()
    grads = [p.grad for p in network.parameters()]
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    return [*out.values(), norm, *grads]


@pytest.mark.parametrize("member", FAMILY)
@pytest.mark.parametrize("name", ORACLE)
def test_cost_is_the_oracles_to_the_unit(name, member):
    width, repeats, pixels, channels = FAMILY[member]
    expected = ORACLE[name][list(FAMILY).index(member)]
    graph = expand(zoo(name), repeats=repeats)
    closed = infer(
        graph, channels=dict(zip((3, 4, 5), channels, strict=True)), width=width, image_size=pixels
    )
    named = dict(zip(("p3", "p4", "p5"), channels, strict=True))
    with torch.device("meta"):
        network = harness.compiler.compile(graph, channels=named, width=width)
    shapes = {
        name: (1, count, pixels >> int(name[1:]), pixels >> int(name[1:]))
        for name, count in named.items()
    }
    params = sum(p.numel() for p in network.parameters())
    assert (params, conv_macs(network, shapes)) == expected
    assert (closed.params, closed.macs) == expected


@pytest.mark.parametrize("name", topology_names())
def test_every_topology_agrees_with_its_closed_form_and_trains(name):
    graph = expand(twice(name))
    given = {f"p{level}": ZOO_CHANNELS[f"p{level}"] for level in graph.inputs}
    levels = {int(name[1:]): count for name, count in given.items()}
    closed = infer(graph, channels=levels, width=8, image_size=256)
    network = harness.compiler.compile(graph, channels=given, width=8)
    x = maps((32, 32), channels=given)
    assert sum(p.numel() for p in network.parameters()) == closed.params
    shapes = {name: (1, *y.shape[1:]) for name, y in x.items()}
    assert conv_macs(network, shapes) == closed.macs
    out = network(x)
    taps = [name for name, _ in graph.taps]
    assert list(out) == [*(f"p{level}" for level in network.levels), *taps]
    for level, key in graph.outputs:
        facts = closed.node(key)
        assert out[f"p{level}"].shape == (2, facts.channels, facts.height, facts.width)
    sum(y.square().sum() for y in out.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def renamed(tree: dict, seed: int) -> dict:
    """Plain nodes in another order, with other names."""
    rng = random.Random(seed)
    new = {name: f"x{rng.randrange(10**9)}" for name in tree["nodes"]}
    items = list(tree["nodes"].items())
    rng.shuffle(items)
    nodes = {}
    for name, node in items:
        sources = [new.get(source, source) for source in node["from"]]
        rng.shuffle(sources)
        nodes[new[name]] = node | {"from": sources}
    outputs = {level: new[name] for level, name in tree["outputs"].items()}
    return tree | {"name": "other", "nodes": nodes, "outputs": outputs}


PLAIN = {
    "name": "plain",
    "fuse": {"weighted": "softmax"},
    "repeats": 2,
    "nodes": {
        "p6_td": {"level": "p6", "from": ["p6", "p7"]},
        "p5_td": {"level": "p5", "from": ["p5", "p6_td"]},
        "p4_td": {"level": "p4", "from": ["p4", "p5_td"]},
        "p3_out": {"level": "p3", "from": ["p3", "p4_td"]},
        "p4_out": {"level": "p4", "from": ["p4", "p4_td", "p3_out"]},
        "p5_out": {"level": "p5", "from": ["p5", "p5_td", "p4_out", "p3_out"]},
        "p6_out": {"level": "p6", "from": ["p6", "p6_td", "p5_out"]},
        "p7_out": {"level": "p7", "from": ["p7", "p6_out"]},
    },
    "outputs": {f"p{level}": f"p{level}_out" for level in range(3, 8)},
}


TWINS = {
    "name": "twins",
    "fuse": {"weighted": "fast"},
    "levels": "p3..p5",
    "nodes": {
        "a": {"level": "p4", "from": ["p4", "p5"]},
        "b": {"level": "p4", "from": ["p4", "p5"]},
        "c": {"level": "p3", "from": ["p3", "a", "b"]},
        "d": {"level": "p5", "from": ["a", "p5", "b"]},
        "e": {"level": "p4", "from": ["c", "d", "a", "b", "p4"]},
    },
    "outputs": {"p3": "c", "p4": "e", "p5": "d"},
    "repeats": 2,
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("tree", [PLAIN, TWINS], ids=lambda tree: tree["name"])
def test_renaming_and_reordering_change_no_bit_of_a_step(tree, seed):
    ours, theirs = step(build(tree), maps()), step(build(renamed(tree, seed)), maps())
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_derived_and_direct_are_one_network():
    derived, direct = build(load_topology("bifpn"), repeats=2), build(BIFPN)
    pairs = zip(step(derived, maps()), step(direct, maps()), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_another_seed_or_graph_starts_elsewhere_and_the_global_state_is_not_touched():
    state = torch.get_rng_state()
    first, again, other = build(PLAIN), build(PLAIN), build(PLAIN, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    name = "p4_td_1.block.pointwise.weight"
    assert torch.equal(first.state_dict()[name], again.state_dict()[name])
    assert not torch.equal(first.state_dict()[name], other.state_dict()[name])
    assert not torch.equal(
        first.p4_td_1.block.pointwise.weight, first.p4_td_2.block.pointwise.weight
    )
    assert not torch.equal(first.p4_td_1.from_p4.conv.weight, first.p4_out_1.from_p4.conv.weight)


def test_first_values():
    network = build(PLAIN, width=64)
    for name, value in network.state_dict().items():
        if value.dim() == 4:
            out, inner, *kernel = value.shape
            bound = (6 / ((out + inner) * kernel[0] * kernel[1])) ** 0.5
            assert value.abs().max() <= bound, name
            assert value.std() == pytest.approx(bound / 3**0.5, rel=0.15), name
        elif name.endswith(("bias", "running_mean", "num_batches_tracked")):
            assert not value.any(), name
        else:
            assert (value == 1).all(), name
    norm = network.p4_td_1.block.norm
    assert (norm.eps, norm.momentum) == (1e-3, 0.01)


def test_the_code_is_straight_and_readable():
    code = build(PLAIN, repeats=1).code
    lines = code.splitlines()
    assert lines[0] == "def forward(self, maps):"
    assert not re.search(r"\b(for|if|while|with|getattr)\b", code)
    nodes = re.findall(r"^    (\w+) = self\.\1\.block\.forward\(", code, re.MULTILINE)
    assert nodes == [
        *("p6_td_1", "p5_td_1", "p4_td_1", "p3_out_1"),
        *("p4_out_1", "p5_out_1", "p6_out_1", "p7_out_1"),
    ]
    assert max(map(len, lines)) <= 100
    assert (
        "    p5_td_1 = self.p5_td_1.block.forward(\n"
        "        addcmul(nearest(p6_td_1 * w1[2], size5), self.p5_td_1.from_p5(p5), w1[3])\n"
        "    )\n"
    ) in code


def test_a_map_is_resampled_once_for_all_that_want_it():
    tree = {
        "name": "twice",
        "projection": {"when": "auto", "per": "input"},
        "levels": "p3..p5",
        "nodes": {
            "a": {"level": "p4", "from": ["p4", "p5", "p3"]},
            "b": {"level": "p4", "from": ["a", "p5", "p3"], "fuse": {"weighted": "fast"}},
        },
        "outputs": {"p3": "c", "p4": "b", "p5": "d"},
    }
    tree["nodes"] |= {"c": {"level": "p3", "from": ["p3", "b"]}, "d": {"level": "p5", "from": "p5"}}
    code = build(tree).code
    assert code.count("nearest(p5_in, size4)") == 1
    assert code.count("max_pool(p3_in, size4)") == 1
    assert code.count("self.p3_in(p3)") == 1


def test_nodes_that_reach_no_output_are_left_out():
    graph = expand(parse(PLAIN))
    outputs = tuple((level, key) for level, key in graph.outputs if level == 3)
    network = build(type(graph)(graph.name, graph.inputs, graph.nodes, outputs))
    assert "p7_out_2" not in network.code
    assert not hasattr(network, "p4_out_2")
    assert list(network(maps())) == ["p3"]


@pytest.mark.parametrize("name", ["bifpn", "nas_fpn", "fully_connected"])
@pytest.mark.parametrize("size", [(97, 131), (16, 16), (1, 1), (5, 24)])
def test_any_size(name, size):
    network = build(load_topology(name), repeats=1).eval()
    x = maps(size, batch=1)
    with torch.no_grad():
        out = network(x)
    expected = size
    for y in out.values():
        assert tuple(y.shape[2:]) == expected
        assert y.isfinite().all()
        expected = tuple(-(-side // 2) for side in expected)


@pytest.mark.parametrize("name", topology_names())
@pytest.mark.parametrize("size", [(97, 131), (16, 16)])
def test_channels_last_is_kept(name, size):
    network = harness.compiler.compile(twice(name), channels=ZOO_CHANNELS, width=32)
    given = maps(size, channels=ZOO_CHANNELS)
    x = {k: v.to(memory_format=torch.channels_last) for k, v in given.items()}
    for level, y in network(x).items():
        assert y.is_contiguous(memory_format=torch.channels_last), level


@pytest.mark.parametrize("when", ["none", "auto", "always"])
def test_projections(when):
    tree = BIFPN | {"projection": {"when": when}}
    channels = dict.fromkeys(CHANNELS, 8)
    network = harness.compiler.compile(parse(tree), channels=channels, width=8)
    count = sum(".from_" in name and name.endswith("conv.weight") for name in network.state_dict())
    assert count == {"none": 0, "auto": 0, "always": 6}[when]
    if when == "none":
        with pytest.raises(
            SpecError, match="has 24 channels where 8 are wanted: it needs a projection or a block"
        ):
            build(tree)


def test_fusion_weights_are_told_in_the_nodes_own_order():
    tree = copy.deepcopy(PLAIN)
    network = build(tree, repeats=1)
    order = network.input_order["p5_out@1"]
    raw = torch.tensor([0.5, 1.0, 1.5, 2.0])
    with torch.no_grad():
        network.p5_out_1.fuse.weights.copy_(raw[list(order)])
    told = network.fusion_weights()
    assert told["p5_out@1"] == pytest.approx(raw.softmax(0).tolist())
    assert told["p4_td@1"] == pytest.approx([0.5, 0.5])
    assert len(told) == 8
    assert sum(p.numel() for p in network.fusion_parameters()) == 2 * 5 + 3 * 2 + 4


def test_weights_per_channel_and_frozen():
    per_channel = build(PLAIN | {"fuse": {"weighted": {"norm": "fast", "per": "channel"}}})
    assert per_channel.p5_out_1.fuse.weights.shape == (4, 8)
    assert per_channel.fusion_weights()["p5_out@1"] == pytest.approx([0.25] * 4, rel=1e-4)
    frozen = build(PLAIN | {"fuse": {"weighted": {"norm": "fast", "frozen": True}}})
    assert list(frozen.fusion_parameters()) == []
    fast = build(PLAIN | {"fuse": {"weighted": "fast"}})
    fast.load_state_dict(frozen.state_dict())
    convs = {k: v for k, v in frozen.state_dict().items() if not k.endswith("fuse.weights")}
    per_channel.load_state_dict(convs, strict=False)
    x = maps()
    for a, b in zip(fast(x).values(), per_channel(x).values(), strict=True):
        torch.testing.assert_close(a, b)


def test_copies_pickles_and_state():
    network, x = build(PLAIN).eval(), maps()
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    other = build(PLAIN, seed=3).eval()
    other.load_state_dict(torch.load(io.BytesIO(file.getvalue()), weights_only=True))
    for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network)), other):
        for a, b in zip(network(x).values(), twin(x).values(), strict=True):
            assert torch.equal(a, b)
    changed = copy.deepcopy(network)
    torch.nn.init.zeros_(changed.p3_out_2.block.pointwise.weight)
    assert not torch.equal(changed(x)["p3"], network(x)["p3"])


@pytest.mark.parametrize("name", ["bifpn", "nas_fpn"])
def test_folded_norms_give_the_same(name):
    network = build(load_topology(name), repeats=2)
    for _ in range(3):
        network(maps())
    count = sum(p.numel() for p in network.parameters())
    folded, x = network.folded(), maps(seed=1)
    assert network.training
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in folded.modules())
    assert sum(p.numel() for p in network.parameters()) == count
    for a, b in zip(network.eval()(x).values(), folded(x).values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_jit_trace_and_autocast():
    network, x = build(PLAIN).eval(), maps((16, 16))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(network, (x,), strict=False)
    for a, b in zip(network(x).values(), traced(x).values(), strict=True):
        torch.testing.assert_close(a, b)
    with torch.autocast("cpu", torch.bfloat16):
        half = network(x)
    for a, b in zip(network(x).values(), half.values(), strict=True):
        assert b.dtype is torch.bfloat16
        torch.testing.assert_close(a, b.float(), rtol=0.1, atol=0.1)


@pytest.mark.slow
def test_torch_compile_gives_the_same():
    network, x = build(PLAIN, repeats=1).eval(), maps((16, 16))
    with torch.no_grad():
        compiled = torch.compile(network, fullgraph=True)(x)
        for a, b in zip(network(x).values(), compiled.values(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_what_is_wrong_with_the_arguments_is_said_at_once():
    with pytest.raises(SpecError) as caught:
        harness.compiler.compile(parse(PLAIN), channels={"p3": 8, "c4": 8}, width=0)
    assert str(caught.value).splitlines() == [
        "width: expected at least 1 channel, got 0",
        "channels.p4: no channels of this map; given: p3, c4",
        "channels.p5: no channels of this map; given: p3, c4",
    ]
    with pytest.raises(SpecError, match="repeats are written out in a graph"):
        build(expand(parse(PLAIN)), repeats=2)


def test_a_folded_network_moves_and_copies():
    folded, x = build(BIFPN).folded(), maps()
    assert "shared_weights" not in folded.code
    assert not any(p.requires_grad for p in folded.parameters())
    for twin in (copy.deepcopy(folded), pickle.loads(pickle.dumps(folded))):
        for a, b in zip(folded(x).values(), twin(x).values(), strict=True):
            assert torch.equal(a, b)
    exact = copy.deepcopy(folded).double()({name: value.double() for name, value in x.items()})
    for a, b in zip(folded(x).values(), exact.values(), strict=True):
        torch.testing.assert_close(a, b.float(), rtol=1e-4, atol=1e-4)


def test_a_folded_network_refuses_state():
    network = build(BIFPN)
    with pytest.raises(TrialError, match="load it before folding"):
        network.folded().load_state_dict(network.state_dict())


def test_a_folded_network_refuses_state_within_another_module():
    network = torch.nn.ModuleDict({"neck": build(BIFPN)})
    state = network.state_dict()
    network["neck"] = network["neck"].folded()
    with pytest.raises(TrialError, match="load it before folding"):
        network.load_state_dict(state, strict=False)


def test_many_ops_on_an_edge_have_names():
    tree = {"levels": "p3..p3", "rows": {"out": {"from": {"from": "in", "op": ["conv"] * 30}}}}
    names = {name.split(".")[1] for name, _ in build(tree).named_parameters()}
    assert {"conv_p3", "conv_p3_b", "conv_p3_z", "conv_p3_ba", "conv_p3_bd"} <= names
