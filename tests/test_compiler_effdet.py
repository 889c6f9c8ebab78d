"""Outputs equal effdet's, node list by node list, with every weight and statistic randomised."""

import copy
import warnings

import pytest
import torch
from oracles import SAME, deviation, moved, random_maps, randomise

import harness.compiler
from harness.graph import Graph, digest, expand, parse, with_fields
from harness.space.zoo import load_topology

CHANNELS = {"p2": 24, "p3": 40, "p4": 112, "p5": 320}
LEVELS, WIDTH, REPEATS = (3, 7), 64, 2
FUSES = {"sum": "sum", "fastattn": {"weighted": "fast"}, "attn": {"weighted": "softmax"}}


def import_effdet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from effdet import efficientdet
        from effdet.config import fpn_config, get_efficientdet_config
    return efficientdet, fpn_config, get_efficientdet_config


def channels_of(levels):
    return {name: count for name, count in CHANNELS.items() if int(name[1:]) >= levels[0]}


def node_list(name, levels=LEVELS):
    """effdet's own nodes: (level, inputs by number, fusion). Numbers 0..4 are p3..p7."""
    nodes = import_effdet()[1].get_fpn_config(name, *levels).nodes
    return [(n.feat_level, list(n.inputs_offsets), n.weight_method) for n in nodes]


def tree_of(nodes, levels=LEVELS):
    """The same as plain nodes of our language."""
    names = [f"p{level}" for level in range(levels[0], levels[1] + 1)]
    count = len(names)
    names += [f"n{i}_l{level}" for i, (level, _, _) in enumerate(nodes)]
    last = {f"p{level}": names[count + i] for i, (level, _, _) in enumerate(nodes)}
    return {
        "name": "theirs",
        "levels": f"p{levels[0]}..p{levels[1]}",
        "nodes": {
            name: {"level": level, "from": [names[i] for i in inputs], "fuse": FUSES[method]}
            for name, (level, inputs, method) in zip(names[count:], nodes, strict=True)
        },
        "outputs": dict(sorted(last.items())),
        "repeats": REPEATS,
    }


def peer(name, pixels, levels=LEVELS):
    efficientdet, _, get_config = import_effdet()
    config = get_config("tf_efficientdet_d0")
    config.fpn_name, config.fpn_cell_repeats, config.fpn_channels = name, REPEATS, WIDTH
    config.min_level, config.max_level = levels
    config.num_levels, config.image_size = levels[1] - levels[0] + 1, pixels
    info = [
        {"num_chs": count, "reduction": 2 ** int(name[1:])}
        for name, count in channels_of(levels).items()
    ]
    network = efficientdet.BiFpn(config, info).eval()
    randomise(network)
    return network


def ours_from(theirs, nodes, tree_or_graph, levels=LEVELS):
    """Our module of a graph, with effdet's state under our names; all of it, and nothing else."""
    graph = tree_or_graph if isinstance(tree_or_graph, Graph) else parse(tree_or_graph)
    network = harness.compiler.compile(graph, channels=CHANNELS, width=WIDTH).eval()
    names = translation(nodes, levels)
    state = {names(name): value.clone() for name, value in theirs.state_dict().items()}
    for key, order in network.input_order.items():
        weights = f"{key.replace('@', '_')}.fuse.weights"
        if weights in state:
            state[weights] = state[weights][list(order)]
    network.load_state_dict(state)
    return network


def translation(nodes, levels=LEVELS):
    parts = {
        "conv.conv_dw": "block.depthwise",
        "conv.conv_pw": "block.pointwise",
        "conv.bn": "block.norm",
    }

    def translate(name):
        if name.startswith("resample."):
            rest = name.removeprefix(f"resample.{len(channels_of(levels))}.conv.")
            return f"p6_0.from_p5.{rest.replace('bn.', 'norm.')}"
        _, repeat, _, number, what, rest = name.split(".", 5)
        node = f"n{number}_l{nodes[int(number)][0]}_{int(repeat) + 1}"
        if what == "after_combine":
            part, leaf = rest.rsplit(".", 1)
            return f"{node}.{parts[part]}.{leaf}"
        if rest == "edge_weights":
            return f"{node}.fuse.weights"
        _, offset, _, leaf = rest.split(".", 3)
        return f"{node}.from_p{int(offset) + levels[0]}.{leaf.replace('bn.', 'norm.')}"

    return translate


@torch.no_grad()
def difference(ours, theirs, pixels):
    maps = random_maps(ours.channels, pixels)
    expected = dict(zip(ours(maps), theirs(list(maps.values())), strict=True))
    return deviation(ours(maps), expected)


CASES = ["bifpn_fa", "bifpn_attn", "bifpn_sum", "pan_fa", "pan_sum", "qufpn_fa", "qufpn_sum"]
"""All that effdet has: neither it nor its node lists know weights per channel."""
OTHER_LEVELS = [
    *(("bifpn_sum", (3, 8)), ("bifpn_fa", (3, 8)), ("pan_sum", (3, 8)), ("qufpn_fa", (3, 8))),
    *(("bifpn_fa", (2, 7)), ("bifpn_attn", (2, 7)), ("pan_fa", (2, 7)), ("qufpn_sum", (2, 7))),
]


@pytest.mark.parametrize("pixels", [(256, 256), (776, 1048), (128, 128)])
@pytest.mark.parametrize("name", CASES)
def test_outputs_are_effdets(name, pixels):
    nodes, theirs = node_list(name), peer(name, pixels)
    assert difference(ours_from(theirs, nodes, tree_of(nodes)), theirs, pixels) < SAME


@pytest.mark.parametrize("pixels", [(384, 640)])
@pytest.mark.parametrize(("name", "levels"), OTHER_LEVELS)
def test_outputs_are_effdets_at_other_levels(name, levels, pixels):
    nodes, theirs = node_list(name, levels), peer(name, pixels, levels)
    ours = ours_from(theirs, nodes, tree_of(nodes, levels), levels)
    assert ours.levels == tuple(range(levels[0], levels[1] + 1))
    assert difference(ours, theirs, pixels) < SAME


@pytest.mark.parametrize(
    ("name", "levels"), [*((name, LEVELS) for name in CASES), *OTHER_LEVELS[::3]]
)
def test_a_moved_edge_is_seen(name, levels):
    """Any last edge within the second cell, made to read the same node of the first."""
    nodes, theirs = node_list(name, levels), peer(name, (256, 256), levels)
    graph = expand(parse(tree_of(nodes, levels)))
    node, old = [
        (node.key, edge.source)
        for node in graph.nodes
        for edge in node.inputs
        if edge.source.endswith("@2") and len(node.inputs) > 1
    ][-1]
    wrong = moved(graph, node, old, old.replace("@2", "@1"))
    ours = ours_from(theirs, nodes, wrong, levels)
    assert difference(ours, theirs, (256, 256)) > 1e-2


def moved_edge(tree):
    tree["nodes"]["n6_l6"]["from"] = ["p6", "n0_l6", "n4_l4"]


def other_fuse(tree):
    tree["nodes"]["n2_l4"]["fuse"] = {"weighted": "softmax"}


def other_pool(tree):
    tree["down"] = {"max_pool": "stride"}


def other_order(tree):
    tree["conv_order"] = "conv_norm_act"


@pytest.mark.parametrize("fault", [moved_edge, other_fuse, other_pool, other_order])
def test_a_wrong_graph_is_noticed(fault):
    nodes, theirs = node_list("bifpn_fa"), peer("bifpn_fa", (256, 256))
    tree = copy.deepcopy(tree_of(nodes))
    fault(tree)
    assert difference(ours_from(theirs, nodes, tree), theirs, (256, 256)) > 100 * SAME


def test_one_wrong_fusion_weight_is_noticed():
    nodes, theirs = node_list("bifpn_fa"), peer("bifpn_fa", (256, 256))
    ours = ours_from(theirs, nodes, tree_of(nodes))
    weights = ours.get_submodule("n5_l5_2").fuse.weights
    with torch.no_grad():
        weights.copy_(weights.roll(1))
    assert difference(ours, theirs, (256, 256)) > 1e-3


SHIPPED = [
    ("bifpn_fa", "bifpn", None, LEVELS),
    ("bifpn_attn", "bifpn", {"weighted": "softmax"}, LEVELS),
    ("bifpn_sum", "bifpn", "sum", LEVELS),
    ("pan_sum", "panet", None, LEVELS),
    ("pan_fa", "panet", {"weighted": "fast"}, LEVELS),
    ("qufpn_sum", "qufpn", None, LEVELS),
    ("qufpn_fa", "qufpn", {"weighted": "fast"}, LEVELS),
    ("bifpn_sum", "bifpn_p3_p8", None, (3, 8)),
    ("bifpn_fa", "bifpn_p2_p7", None, (2, 7)),
]


@pytest.mark.parametrize(("effdets", "shipped", "fuse", "levels"), SHIPPED)
def test_the_zoo_says_effdets_graph(effdets, shipped, fuse, levels):
    """What the equality of outputs shows holds for the shipped files: their graphs are these."""
    theirs = expand(parse(tree_of(node_list(effdets, levels), levels)))
    tree = with_fields(load_topology(shipped).tree, {"fuse": fuse} if fuse else {})
    assert digest(theirs) == digest(expand(parse(tree), repeats=REPEATS))
