"""Outputs equal effdet's, node list by node list, with every weight and statistic randomised."""

import copy
import warnings

import pytest
import torch

import harness.compiler
from harness.graph import digest, expand, parse
from harness.space.zoo import load_topology

CHANNELS = {"p3": 40, "p4": 112, "p5": 320}
WIDTH, REPEATS = 64, 2
FUSES = {"sum": "sum", "fastattn": {"weighted": "fast"}, "attn": {"weighted": "softmax"}}


def import_effdet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from effdet import efficientdet
        from effdet.config import fpn_config, get_efficientdet_config
    return efficientdet, fpn_config, get_efficientdet_config


def node_list(name):
    """effdet's own nodes: (level, inputs by number, fusion). Numbers 0..4 are p3..p7."""
    nodes = import_effdet()[1].get_fpn_config(name).nodes
    return [(n.feat_level, list(n.inputs_offsets), n.weight_method) for n in nodes]


def tree_of(nodes):
    """The same as plain nodes of our language."""
    names = [f"p{level}" for level in range(3, 8)]
    names += [f"n{i}_l{level}" for i, (level, _, _) in enumerate(nodes)]
    last = {f"p{level}": names[5 + i] for i, (level, _, _) in enumerate(nodes)}
    return {
        "name": "theirs",
        "nodes": {
            name: {"level": level, "from": [names[i] for i in inputs], "fuse": FUSES[method]}
            for name, (level, inputs, method) in zip(names[5:], nodes, strict=True)
        },
        "outputs": dict(sorted(last.items())),
        "repeats": REPEATS,
    }


def peer(name, pixels):
    efficientdet, _, get_config = import_effdet()
    config = get_config("tf_efficientdet_d0")
    config.fpn_name, config.fpn_cell_repeats, config.fpn_channels = name, REPEATS, WIDTH
    config.image_size = pixels
    info = [{"num_chs": count, "reduction": 8 << i} for i, count in enumerate(CHANNELS.values())]
    network = efficientdet.BiFpn(config, info).eval()
    randomise(network)
    return network


@torch.no_grad()
def randomise(network):
    """Every parameter and statistic, so that outputs are of order 1 and nothing hides."""
    generator = torch.Generator().manual_seed(0)
    for name, value in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        if name.endswith(("edge_weights", "running_var", "bn.weight")):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        elif value.dim() == 4:
            fan = value[0].numel()
            value.copy_(torch.randn(value.shape, generator=generator) * (2 / fan) ** 0.5)
        else:
            value.copy_(torch.randn(value.shape, generator=generator) * 0.3)


def ours_from(theirs, nodes, tree):
    """Our module of a tree, with effdet's state under our names; all of it, and nothing else."""
    network = harness.compiler.compile(parse(tree), channels=CHANNELS, width=WIDTH).eval()
    names = translation(nodes)
    state = {names(name): value.clone() for name, value in theirs.state_dict().items()}
    for key, order in network.input_order.items():
        weights = f"{key.replace('@', '_')}.fuse.weights"
        if weights in state:
            state[weights] = state[weights][list(order)]
    network.load_state_dict(state)
    return network


def translation(nodes):
    parts = {
        "conv.conv_dw": "block.depthwise",
        "conv.conv_pw": "block.pointwise",
        "conv.bn": "block.norm",
    }

    def translate(name):
        if name.startswith("resample.3.conv."):
            rest = name.removeprefix("resample.3.conv.")
            return f"p6_0.from_p5.{rest.replace('bn.', 'norm.')}"
        _, repeat, _, number, what, rest = name.split(".", 5)
        node = f"n{number}_l{nodes[int(number)][0]}_{int(repeat) + 1}"
        if what == "after_combine":
            part, leaf = rest.rsplit(".", 1)
            return f"{node}.{parts[part]}.{leaf}"
        if rest == "edge_weights":
            return f"{node}.fuse.weights"
        _, offset, _, leaf = rest.split(".", 3)
        return f"{node}.from_p{int(offset) + 3}.{leaf.replace('bn.', 'norm.')}"

    return translate


def difference(ours, theirs, pixels):
    """Largest difference over largest output, worst of the levels; and the largest output."""
    generator = torch.Generator().manual_seed(1)
    maps = {
        name: torch.randn(
            (2, count, *(-(-side // 2 ** int(name[1:])) for side in pixels)), generator=generator
        )
        for name, count in CHANNELS.items()
    }
    with torch.no_grad():
        mine, other = ours(maps), theirs(list(maps.values()))
    pairs = list(zip(mine.values(), other, strict=True))
    assert all(a.shape == b.shape for a, b in pairs)
    return max(((a - b).abs().max() / b.abs().max()).item() for a, b in pairs), min(
        b.abs().max().item() for _, b in pairs
    )


CASES = ["bifpn_fa", "bifpn_attn", "bifpn_sum", "pan_fa", "pan_sum", "qufpn_fa", "qufpn_sum"]


@pytest.mark.parametrize("pixels", [(256, 256), (776, 1048), (128, 128)])
@pytest.mark.parametrize("name", CASES)
def test_outputs_are_effdets(name, pixels):
    nodes, theirs = node_list(name), peer(name, pixels)
    found, size = difference(ours_from(theirs, nodes, tree_of(nodes)), theirs, pixels)
    assert size > 0.5
    assert found < 1e-5


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
    found, _ = difference(ours_from(theirs, nodes, tree), theirs, (256, 256))
    assert found > 1e-2


def test_one_wrong_fusion_weight_is_noticed():
    nodes, theirs = node_list("bifpn_fa"), peer("bifpn_fa", (256, 256))
    ours = ours_from(theirs, nodes, tree_of(nodes))
    weights = ours.get_submodule("n5_l5_2").fuse.weights
    with torch.no_grad():
        weights.copy_(weights.roll(1))
    assert difference(ours, theirs, (256, 256))[0] > 1e-3


@pytest.mark.parametrize(
    ("effdets", "shipped"),
    [("bifpn_fa", "bifpn"), ("pan_sum", "panet"), ("qufpn_sum", "qufpn")],
)
def test_the_zoo_says_effdets_graph(effdets, shipped):
    """What the equality of outputs shows holds for the shipped files: their graphs are these."""
    theirs = expand(parse(tree_of(node_list(effdets))))
    assert digest(theirs) == digest(expand(load_topology(shipped), repeats=REPEATS))
