"""Channels, sizes and closed-form cost, against the arithmetic written out."""

import pytest

from harness.errors import SpecError
from harness.graph import expand, infer, parse

CHANNELS = {3: 40, 4: 112, 5: 320}
W = 64


def inferred(tree, *, channels=CHANNELS, width=W, image_size=512, **options):
    graph = expand(parse(tree), **options)
    return infer(graph, channels=channels, width=width, image_size=image_size)


def lateral(**fields):
    return {"rows": {"out": {"from": "in"}}, **fields}


def test_a_node_with_its_projection():
    facts = inferred(lateral()).node("p4_out@1")
    assert (facts.level, facts.channels, facts.height, facts.width) == (4, 64, 32, 32)
    assert facts.params == (112 * W + 3 * W) + (W * W + 12 * W)
    assert facts.macs == 32 * 32 * (112 * W + W * W + 9 * W)


def test_extra_levels():
    found = inferred(lateral())
    assert found.node("p6@0").params == 320 * W + 3 * W
    assert found.node("p6@0").macs == 16 * 16 * 320 * W  # before pooling: at p5
    assert (found.node("p6@0").height, found.node("p7@0").params) == (8, 0)


def test_sizes_follow_the_same_rule_for_any_image():
    found = inferred(lateral(), image_size=515)
    assert [found.node(f"p{level}_out@1").height for level in range(3, 8)] == [65, 33, 17, 9, 5]
    assert inferred(lateral(), image_size=1).node("p7_out@1").height == 1


def test_totals_are_sums_over_nodes():
    found = inferred(lateral(repeats=2))
    assert found.params == sum(one.params for one in found.nodes)
    assert found.macs == sum(one.macs for one in found.nodes)
    assert found.node("p3_out@2").params == W * W + 12 * W


@pytest.mark.parametrize(
    ("block", "params", "macs"),
    [
        ("none", 0, 0),
        (None, 0, 0),
        ({"sepconv": {"kernel": 5}}, 25 * W + W * W + 3 * W, 25 * W + W * W),
        ({"sepconv": {"bias": False}}, 9 * W + W * W + 2 * W, 9 * W + W * W),
        ({"sepconv": {"norm": False}}, 9 * W + W * W + W, 9 * W + W * W),
        ({"conv": 1}, W * W + 3 * W, W * W),
        ({"conv": 3}, 9 * W * W + 3 * W, 9 * W * W),
        ({"conv": {"kernel": 3, "bias": False, "norm": False}}, 9 * W * W, 9 * W * W),
    ],
)
def test_blocks(block, params, macs):
    facts = inferred(lateral(block=block, repeats=2), levels=(3, 3)).nodes[-1]
    assert (facts.key, facts.params, facts.macs) == ("p3_out@2", params, macs * 64 * 64)


@pytest.mark.parametrize(
    ("fuse", "scalars"),
    [
        ("sum", 0),
        ("mean", 0),
        ({"weighted": "fast"}, 2),
        ({"weighted": {"norm": "softmax", "per": "channel"}}, 2 * W),
        ({"weighted": {"norm": "none"}}, 2),
        ({"weighted": {"frozen": True}}, 0),
        ("gate", 0),
    ],
)
def test_fuses(fuse, scalars):
    tree = {"rows": {"out": {"from": "in.all", "fuse": fuse, "block": "none"}}, "repeats": 2}
    facts = inferred(tree, levels=(3, 4)).nodes[-1]
    assert (facts.params, facts.macs) == (scalars, 0)


def test_projections_by_edge_and_by_input():
    tree = {"rows": {"out": {"from": "in.all", "block": "none"}}}
    each = (40 + 112) * W + 6 * W
    assert inferred(tree, levels=(3, 4)).params == 2 * each
    shared = {**tree, "projection": {"per": "input"}}
    assert inferred(shared, levels=(3, 4)).params == each
    bare = {**tree, "projection": {"norm": False, "bias": False}}
    assert inferred(bare, levels=(3, 4)).params == 2 * (40 + 112) * W


def test_projection_always_and_where_channels_agree():
    agree = {3: W}
    node = W * W + 12 * W
    assert inferred(lateral(), channels=agree, levels=(3, 3)).params == node
    always = lateral(projection="always", repeats=2)
    assert inferred(always, channels=agree, levels=(3, 3)).params == 2 * node + W * W + 3 * W


def test_channels_as_multiples_of_the_width():
    tree = {"rows": {"out": {"from": "in", "channels": "2x", "block": {"conv": 1}}}, "repeats": 2}
    found = inferred(tree, levels=(3, 3))
    assert found.nodes[-1].channels == 2 * W
    assert found.nodes[-1].params == 4 * W * W + 3 * 2 * W
    assert found.nodes[0].params == (40 + 3 + 2 * W + 3) * 2 * W


def test_clashing_channels_and_missing_numbers_are_faults():
    with pytest.raises(SpecError) as caught:
        inferred({"rows": {"out": {"from": "in.all"}}, "projection": "none"}, levels=(3, 4))
    assert str(caught.value.faults[0]) == (
        "nodes.p3_out: inputs of [40, 112] channels cannot meet without a projection"
    )
    with pytest.raises(SpecError) as caught:
        inferred(lateral(projection="none", block="none"), levels=(3, 3))
    assert str(caught.value) == (
        "nodes.p3_out: has 40 channels where 64 are wanted: it needs a projection or a block"
    )
    with pytest.raises(SpecError) as caught:
        inferred(lateral(), channels={3: 40, 5: -1}, width=0)
    assert [str(one) for one in caught.value.faults] == [
        "channels.p4: no channels given for backbone level p4",
        "width: expected a whole number of at least 1, got 0",
        "channels.p5: expected a whole number of at least 1, got -1",
    ]


def test_a_block_may_change_channels_without_a_projection():
    found = inferred(lateral(projection="none", block={"conv": 1}), levels=(3, 3))
    assert found.params == 40 * W + 3 * W
