"""The quick ways to call a convolution and a norm do what the modules do, whatever these are."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from harness.ops.blocks.unit import convolved, normed


def pruned(conv):
    return prune.l1_unstructured(conv, "weight", 0.5)


def wrapped(conv):
    return nn.Sequential(conv, nn.Conv2d(8, 8, 1))


@pytest.mark.parametrize("change", [pruned, wrapped, parametrizations.weight_norm, nn.Identity()])
def test_a_convolution_that_was_changed_is_called_as_it_is(change):
    torch.manual_seed(0)
    conv, x = change(nn.Conv2d(8, 8, 3, padding=1)), torch.randn(2, 8, 5, 5)
    assert torch.equal(convolved(x, conv), conv(x))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "options",
    [{}, {"momentum": None}, {"track_running_stats": False}, {"affine": False}, {"eps": 1e-2}],
)
def test_a_norm_gives_and_learns_the_same(options, training):
    torch.manual_seed(0)
    norms = [nn.BatchNorm2d(8, **options).train(training) for _ in range(2)]
    for x in torch.randn(3, 2, 8, 5, 5):
        assert torch.equal(normed(x, norms[0]), norms[1](x))
    for name, value in norms[1].state_dict().items():
        assert torch.equal(norms[0].state_dict()[name], value)


def test_a_norm_learns_nothing_from_one_cell_a_channel():
    """Their variance is no number, and the running one would be none from then on."""
    norm, x = nn.BatchNorm2d(8), torch.randn(1, 8, 1, 1)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        normed(x, norm)
    assert norm.running_var.isfinite().all()
    assert torch.equal(normed(x, norm.eval()), norm(x))
