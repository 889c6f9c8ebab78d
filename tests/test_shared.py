"""Weights that several nodes or edges have in common, in the module and in what is counted."""

import pytest
import torch

import harness
from harness.graph import expand, infer, parse

CHANNELS = {3: 8, 4: 8, 5: 8}


def built(tree):
    """The module and its maps; the closed form has been held against it."""
    graph = expand(parse({"levels": "p3..p5", **tree}))
    network = harness.compile(graph, channels={f"p{n}": c for n, c in CHANNELS.items()}, width=8)
    found = infer(graph, channels=CHANNELS, width=8, image_size=64)
    assert sum(p.numel() for p in network.parameters()) == found.params
    return network


def maps():
    generator = torch.Generator().manual_seed(0)
    return {f"p{n}": torch.randn(2, 8, 64 >> n, 64 >> n, generator=generator) for n in CHANNELS}


def places(network):
    return {name.rsplit(".", 1)[0] for name, _ in network.named_parameters()}


def dynamic(*, share):
    row = {"from": ["in.finer", {"from": "in", "role": "middle"}, "in.coarser"], "fuse": "dynamic"}
    more = {"share": "one"} if share else {}
    return {"rows": {"out": {**row, **more, "block": "none", "down": "bilinear"}}}


def test_a_shared_fuse_has_the_roles_of_all_and_each_input_its_own():
    """At the ends a role is lacking; in what order inputs come must not depend on the level."""
    network, alone = built(dynamic(share=True)).eval(), built(dynamic(share=False)).eval()
    fuse = network.shared.one_1_fuse
    assert fuse.roles == ("finer", "middle", "coarser")
    assert "(None, p3, " in network.code
    assert ", p5, None)" in network.code
    for name, parameter in fuse.named_parameters():
        torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(len(name)))
    for level in (3, 4, 5):
        own = getattr(alone, f"p{level}_out_1").fuse
        own.load_state_dict({k: v for k, v in fuse.state_dict().items() if k in own.state_dict()})
    for key, y in network(maps()).items():
        torch.testing.assert_close(y, alone(maps())[key])


def test_a_shared_weighted_fuse_is_one_for_each_number_of_inputs():
    tree = {"rows": {"out": {"from": ["in", "in.finer", "in.coarser"], "share": "one"}}}
    network = built({**tree, "fuse": {"weighted": "fast"}, "block": "none"})
    weights = [p.numel() for name, p in network.named_parameters() if name.endswith("weights")]
    assert sorted(weights) == [2, 3]


@pytest.mark.parametrize("share", [{}, {"share": "one"}])
def test_like_ops_of_an_edge_have_weights_of_their_own(share):
    edge = {"from": "in", "op": [{"conv": 1}, {"conv": 1}], **share}
    network = built({"rows": {"out": {"from": edge, "block": "none"}}})
    assert len(places(network)) == 2 * 2 * (1 if share else 3)
    home = network.shared if share else network.p4_out_1
    first, second = (m.conv.weight for m in home.children())
    assert not torch.equal(first, second)


def test_a_shared_fuse_is_one_also_where_blocks_differ():
    both = [{"from": name, "channels": 1} for name in ("p3", "p4")]
    node = {"from": both, "fuse": {"spatial": "softmax"}, "share": "one", "block": {"conv": 1}}
    nodes = {"a": {"level": 3, **node}, "b": {"level": 4, **node, "channels": 2}}
    network = built({"levels": "p3..p4", "nodes": nodes, "outputs": {"p3": "a", "p4": "b"}})
    assert {place.split(".")[1] for place in places(network)} == {
        "one_1_fuse",
        "one_1_block",
        "one_1_block_b",
    }


def edges(*inputs, **more):
    """Two nodes of one input each, which share what is alike on their edges."""
    levels = {"a": 3, "b": 4}
    nodes = {
        name: {"level": level, "block": "none", "from": {**one, "share": "one"}}
        for (name, level), one in zip(levels.items(), inputs, strict=True)
    }
    return built({"levels": "p3..p4", "nodes": nodes, "outputs": {"p3": "a", "p4": "b"}, **more})


def test_edges_share_the_ops_that_are_alike_wherever_they_stand():
    """The first convolution of one path is not the second of another, though of its kernel."""
    strided = {"strided_conv": {"kernel": 3}}
    network = edges(
        {"from": "p3", "op": [{"conv": 3}, {"csp": 1}]}, {"from": "p4", "op": [{"csp": 1}]}
    )
    assert {place.split(".")[1] for place in places(network)} == {"conv_p3", "one_1_csp"}
    network = edges(
        {"from": "p3", "op": [{"conv": 1}, {"conv": 3}]}, {"from": "p4", "op": [{"conv": 3}]}
    )
    assert {place.split(".")[0] for place in places(network)} == {"a_1", "b_1"}
    row = {"from": {"from": "in.all", "share": "one", "down": strided, "up": "nearest"}}
    network = built({"rows": {"out": {**row, "block": "none"}}})
    assert len({place.split(".")[1] for place in places(network)}) == 2  # of strides 2 and 4
