"""What effdet's names stand for here is what effdet's configurations say, model for model."""

from typing import Any

import pytest
import torch

from harness.detector.anchors import make_anchors
from harness.errors import SpecError
from harness.exchange.models import MODELS, released
from harness.graph import from_tree
from harness.space.model import ModelSpec

SIZES = ((256, 512), (320, 448))
"""Also such as 2 ** 7 and 2 ** 8 do not divide: lite0's and lite2's sides are among them."""


def config_of(name: str) -> Any:
    return pytest.importorskip("effdet.config").get_efficientdet_config(name)


def anchors_of(model: ModelSpec, size: tuple[int, int] = SIZES[0]) -> torch.Tensor:
    levels = tuple(level for level, _ in from_tree(model.feature_network.graph).outputs)
    return make_anchors(model.head.anchors, levels, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", MODELS)
def test_anchors_are_effdets(name: str, size: tuple[int, int]) -> None:
    effdet, config = pytest.importorskip("effdet.anchors"), config_of(name)
    config.image_size = size
    expected = effdet.Anchors.from_config(config).boxes[:, [1, 0, 3, 2]]
    torch.testing.assert_close(anchors_of(MODELS[name].spec(), size), expected, rtol=0, atol=1e-3)


def test_anchors_of_exact_ratios_are_others() -> None:
    """A hundredth of the side: pixels at the coarser levels."""
    model = MODELS["tf_efficientdet_d0"].spec()
    exact = model.head.anchors.model_copy(update={"sides": None})
    other = model.model_copy(update={"head": model.head.model_copy(update={"anchors": exact})})
    assert (anchors_of(other) - anchors_of(model)).abs().max() > 3


@pytest.mark.parametrize("name", MODELS)
def test_sizes_are_effdets(name: str) -> None:
    config, model = config_of(name), MODELS[name].spec()
    assert model.backbone.name == config.backbone_name
    assert (model.image_size, model.image_size) == tuple(config.image_size)
    assert model.num_classes == config.num_classes
    assert model.feature_network.width == model.head.width == config.fpn_channels
    assert model.head.depth == config.box_class_repeats
    repeats = {node.repeat for node in from_tree(model.feature_network.graph).nodes} - {0}
    assert len(repeats) == config.fpn_cell_repeats
    is_own = MODELS[name].is_own
    assert config.redundant_bias == (not is_own)
    assert config.pad_type == ("" if is_own else "same")


@pytest.mark.parametrize("name", ["efficientdet_d4", "efficientdet_d5"])
def test_effdets_own_d4_and_d5_are_not_googles(name: str) -> None:
    """effdet gives them google's padding and biases, on backbones with other norms."""
    config = config_of(name)
    assert (config.pad_type, config.redundant_bias) == ("same", True)
    assert config.backbone_name != released(f"tf_{name}", biases=True).spec().backbone.name
    for biases in (True, False):
        with pytest.raises(SpecError, match=f"--model {name}: .* say tf_{name}$"):
            released(name, biases)
