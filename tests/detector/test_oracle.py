"""EfficientDet-D0 and lite0 against effdet's, number by number, with every tensor randomised.

At a fresh start the outputs are so small that a broken graph passes. So effdet's model gets
random kernels, fusion weights, norm scales and statistics first; ours gets a copy; then the
outputs, of order 1, must agree. The second half of the file breaks ours in one place at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from oracles import random_effdet
from torch import Tensor, nn

from harness.detector import Detector, Outputs, build
from harness.exchange.names import effdet_names
from harness.graph import Graph, Op, from_tree, to_tree
from harness.space.model import FeatureNetworkSpec
from harness.space.scaling import member_model

TOLERANCE = 1e-4
"""Greatest difference over greatest output."""

SIZE = 256


@dataclass
class Oracle:
    theirs: nn.Module
    image: Tensor
    maps: dict[str, Tensor]
    """Backbone maps of the image."""
    expected: Outputs


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return _oracle("d0")


@pytest.fixture(scope="module")
def lite() -> Oracle:
    return _oracle("lite0")


def _oracle(name: str) -> Oracle:
    theirs = random_effdet(f"tf_efficientdet_{name}", SIZE)
    image = torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        maps = dict(zip(("p3", "p4", "p5"), theirs.backbone(image), strict=True))
        classes, boxes = theirs(image)
    return Oracle(theirs, image, maps, Outputs(tuple(classes), tuple(boxes)))


def copy_weights(theirs: Any, ours: Detector) -> None:
    """effdet's numbers into our detector: every one of ours is written.

    Named from the right graph: where ours has a wrong edge, the weights stay in their places.
    """
    right = from_tree(member_model("efficientdet_d0").feature_network.graph)
    state, source = ours.state_dict(), theirs.state_dict()
    for name, one in effdet_names(ours, right).items():
        value = one.taken(source.pop(one.name))
        assert state[name].shape == value.shape, (name, one)
        state[name].copy_(value)
    assert not source


def our_detector(oracle: Oracle, change: Callable[[Graph], Graph] | None = None) -> Detector:
    """D0 with effdet's numbers, its graph changed in the way asked for."""
    spec = member_model("efficientdet_d0")
    if change:
        graph = change(from_tree(spec.feature_network.graph))
        network = spec.feature_network.model_copy(update={"graph": to_tree(graph)})
        spec = spec.model_copy(update={"feature_network": network})
    ours = build(spec, seed=0).eval()
    copy_weights(oracle.theirs, ours)
    return ours


def differences(found: Outputs, expected: Outputs) -> list[float]:
    """Greatest difference over greatest output, by head and level."""
    pairs = zip((*found.classes, *found.boxes), (*expected.classes, *expected.boxes), strict=True)
    return [float((a - b).abs().max() / b.abs().max()) for a, b in pairs]


def test_outputs_are_of_order_one(oracle: Oracle, lite: Oracle) -> None:
    for expected in (oracle.expected, lite.expected):
        _of_order_one(expected)


def _of_order_one(expected: Outputs) -> None:
    for one in (*expected.classes, *expected.boxes):
        assert 0.5 < one.abs().max() < 50
        assert one.std() > 0.1


@torch.no_grad()
def test_every_level_equals_effdet(oracle: Oracle) -> None:
    ours = our_detector(oracle)
    found = ours(oracle.image.contiguous(memory_format=torch.channels_last))
    assert [m.shape for m in found.classes] == [m.shape for m in oracle.expected.classes]
    assert max(differences(found, oracle.expected)) <= TOLERANCE


@torch.no_grad()
def test_lite0_equals_effdet(lite: Oracle) -> None:
    ours = build("efficientdet_lite0").eval()
    copy_weights(lite.theirs, ours)
    found = ours(lite.image.contiguous(memory_format=torch.channels_last))
    assert max(differences(found, lite.expected)) <= TOLERANCE


@pytest.mark.parametrize("part", ["head", "feature_network"])
def test_another_activation_of_lite0_is_seen(lite: Oracle, part: str) -> None:
    """SiLU in one part of it, as D0 has."""
    spec, other = member_model("efficientdet_lite0"), member_model("efficientdet_d0")
    kinds = {
        "head": spec.head.model_copy(update={"kind": other.head.kind}),
        "feature_network": _summed(other.feature_network),
    }
    ours = build(spec.model_copy(update={part: kinds[part]})).eval()
    copy_weights(lite.theirs, ours)
    assert _fails(lite, ours)


def _summed(network: FeatureNetworkSpec) -> FeatureNetworkSpec:
    graph = from_tree(network.graph)
    nodes = tuple(replace(node, fuse=Op("sum")) for node in graph.nodes)
    return network.model_copy(update={"graph": to_tree(replace(graph, nodes=nodes))})


def _path(source: int, level: int) -> tuple[Op, ...]:
    """EfficientDet's way from one level to another."""
    pool = Op("max_pool", (("kernel", "stride_plus_1"),))
    return () if source == level else (Op("nearest"),) if source > level else (pool,)


def _with_source(node: str, old: str, new: str) -> Callable[[Graph], Graph]:
    def change(graph: Graph) -> Graph:
        nodes = []
        for one in graph.nodes:
            if one.key == node:
                assert old in [edge.source for edge in one.inputs]
                path = _path(int(new[1]), one.level)
                moved = {edge: replace(edge, source=new, path=path) for edge in one.inputs}
                inputs = tuple(moved[e] if e.source == old else e for e in one.inputs)
                one = replace(one, inputs=inputs)
            nodes.append(one)
        return replace(graph, nodes=tuple(nodes))

    return change


def _softmax(graph: Graph) -> Graph:
    def with_softmax(op: Op) -> Op:
        args = tuple((k, "softmax" if v == "fast" else v) for k, v in op.args)
        return replace(op, args=args)

    nodes = tuple(replace(node, fuse=with_softmax(node.fuse)) for node in graph.nodes)
    return replace(graph, nodes=nodes)


@torch.no_grad()
def _fails(oracle: Oracle, ours: Detector) -> bool:
    return max(differences(ours.from_features(oracle.maps), oracle.expected)) > 10 * TOLERANCE


@pytest.mark.parametrize(
    ("node", "right", "wrong"),
    [
        ("p4_out@1", "p3_td@1", "p5_td@1"),
        ("p6_out@1", "p6@0", "p7@0"),
        ("p5_td@2", "p5_out@1", "p5_td@1"),
        ("p6_out@2", "p6_td@2", "p6_td@1"),
        ("p3_td@3", "p4_td@3", "p4_out@2"),
        ("p7_out@3", "p7_out@2", "p7_out@1"),
    ],
)
def test_one_wrong_edge_is_seen(oracle: Oracle, node: str, right: str, wrong: str) -> None:
    assert _fails(oracle, our_detector(oracle, _with_source(node, right, wrong)))


@pytest.mark.parametrize("node", ["p6_td_1", "p4_out_1", "p3_td_2", "p6_out_2", "p7_out_3"])
def test_one_wrong_fusion_weight_is_seen(oracle: Oracle, node: str) -> None:
    ours = our_detector(oracle)
    assert not _fails(oracle, ours)
    ours.feature_network.get_parameter(f"{node}.fuse.weights").data[0] *= 1.1
    assert _fails(oracle, ours)


def test_swapped_fusion_weights_are_seen(oracle: Oracle) -> None:
    ours = our_detector(oracle)
    weights = ours.feature_network.get_parameter("p5_td_3.fuse.weights").data
    weights.copy_(weights.flip(0))
    assert _fails(oracle, ours)


def test_another_fusion_is_seen(oracle: Oracle) -> None:
    assert _fails(oracle, our_detector(oracle, _softmax))


def test_one_wrong_norm_statistic_is_seen(oracle: Oracle) -> None:
    ours = our_detector(oracle)
    ours.class_head.get_buffer("norms.1.4.running_mean")[3] += 1.0
    assert _fails(oracle, ours)


def test_anchors_are_effdets(oracle: Oracle) -> None:
    theirs = pytest.importorskip("effdet.anchors")
    config = oracle.theirs.config
    expected = theirs.Anchors(3, 7, 3, [1.0, 2.0, 0.5], config.anchor_scale, (SIZE, SIZE)).boxes
    ours = build("efficientdet_d0").anchors((SIZE, SIZE))
    torch.testing.assert_close(ours, expected[:, [1, 0, 3, 2]], rtol=0, atol=1e-3)
