"""Spatial and dynamic fuses against the formulas of ASFF, AugFPN and DyHead."""

import pytest
import torch
import torch.nn.functional as F

from harness.graph import Norm
from harness.ops import FUSES
from harness.ops.inputs import Inputs

ASFF = {
    "norm": "softmax",
    "squeeze": 3,
    "together": False,
    "kernel": 1,
    "act": "relu",
    "batch_norm": True,
}
AUGFPN = {**ASFF, "norm": "sigmoid", "together": True, "kernel": 3, "batch_norm": False}


def maps(count=3, channels=4, size=(5, 6)):
    generator = torch.Generator().manual_seed(count)
    return [torch.randn(2, channels, *size, generator=generator) for _ in range(count)]


def spatial(args):
    return FUSES.get("spatial")(Inputs((None,) * 3, 4), **args)


@pytest.mark.parametrize("args", [ASFF, AUGFPN])
def test_spatial_is_the_sum_its_weights_say(args):
    fuse, xs = spatial(args), maps()
    weights = fuse.weights(*xs)
    assert weights.shape == (2, 3, 5, 6)
    expected = sum(x * weights[:, i, None] for i, x in enumerate(xs))
    torch.testing.assert_close(fuse(*xs), expected)


def test_softmax_shares_every_pixel_out():
    torch.testing.assert_close(spatial(ASFF).weights(*maps()).sum(1), torch.ones(2, 5, 6))


def test_asff():
    fuse, xs = spatial(ASFF).eval(), maps()
    squeezed = []
    for part, x in zip(fuse.squeezes, xs, strict=True):
        assert part.conv.bias is None
        y = torch.einsum("oi,nihw->nohw", part.conv.weight[:, :, 0, 0], x)
        squeezed.append(F.relu(y / (1 + 1e-3) ** 0.5))
    raw = torch.einsum("oi,nihw->nohw", fuse.weigh.weight[:, :, 0, 0], torch.cat(squeezed, 1))
    expected = torch.softmax(raw + fuse.weigh.bias[:, None, None], 1)
    torch.testing.assert_close(fuse.weights(*xs), expected)


def test_augfpn():
    fuse, xs = spatial(AUGFPN), maps()
    (part,) = fuse.squeezes
    hidden = F.relu(F.conv2d(torch.cat(xs, 1), part.conv.weight, part.conv.bias))
    raw = F.conv2d(hidden, fuse.weigh.weight, fuse.weigh.bias, padding=1)
    torch.testing.assert_close(fuse.weights(*xs), raw.sigmoid())


def dynamic(*roles):
    return FUSES.get("dynamic")(Inputs(roles, 4, Norm())).eval()


def scaled(fuse, made):
    pooled = F.conv2d(made.mean((2, 3), True), fuse.scale.weight, fuse.scale.bias)
    return made * (torch.clamp(F.relu(pooled) + 3, 0, 6) / 6)


@pytest.mark.parametrize(
    "roles", [("middle",), ("coarser", "middle"), ("finer", "middle", "coarser")]
)
def test_dynamic_starts_as_plain_convolutions_at_half_strength(roles):
    fuse, xs = dynamic(*roles), maps(len(roles))
    parts = []
    for role, x in zip(roles, xs, strict=True):
        made = F.conv2d(x, fuse.convs[role].conv.weight, padding=1) / 2
        parts.append(scaled(fuse, made / (1 + 1e-3) ** 0.5))
    torch.testing.assert_close(fuse(*xs), torch.stack(parts).mean(0))


def test_the_middle_steers_all():
    """Where the middle says so, every kernel looks one cell further down."""
    fuse, (finer, middle) = dynamic("finer", "middle"), maps(2)
    with torch.no_grad():
        fuse.steer.weight[0:18:2, :, 1, 1] = 1
    middle = torch.full_like(middle, 0.25)
    below = F.pad(finer, (1, 1, 0, 2))
    made = F.conv2d(below, fuse.convs["finer"].conv.weight) / 2 / (1 + 1e-3) ** 0.5
    pure = fuse.convs["finer"](finer, *steering(fuse, middle))
    torch.testing.assert_close(pure, made)
    other = fuse.convs["finer"](finer, *steering(fuse, 0 * middle))
    assert not torch.allclose(other, made)


def steering(fuse, middle):
    made = fuse.steer(middle)
    return made[:, :18], made[:, 18:].sigmoid()


def test_masks_weigh_the_cells_of_a_kernel():
    """With all masks but the middle one shut, a 3x3 convolution is a 1x1 one."""
    fuse, (x,) = dynamic("middle"), maps(1)
    with torch.no_grad():
        fuse.steer.bias[18:] = -100
        fuse.steer.bias[18 + 4] = 100
    made = F.conv2d(x, fuse.convs["middle"].conv.weight[:, :, 1:2, 1:2])
    torch.testing.assert_close(fuse(x), scaled(fuse, made / (1 + 1e-3) ** 0.5))
