"""Anchors against effdet's, and the box code against its inverse."""

import pytest
import torch

from harness.detector.anchors import decode, encode, make_anchors, per_cell
from harness.space.model import AnchorSpec

RATIOS = (1.0, 0.5, 2.0)
"""Square, wide, tall: the order of the released weights."""


def test_a_cell_has_every_octave_in_every_ratio() -> None:
    spec = AnchorSpec(scale=4.0, octaves=2, ratios=(1.0, 4.0))
    boxes = make_anchors(spec, (3,), (8, 8))
    sides = boxes[:, 2:] - boxes[:, :2]
    root = 2**0.5
    expected = [[32, 32], [16, 64], [32 * root, 32 * root], [16 * root, 64 * root]]
    assert per_cell(spec) == 4
    torch.testing.assert_close(sides, torch.tensor(expected), rtol=1e-6, atol=1e-5)
    torch.testing.assert_close(boxes[:, :2] + sides / 2, torch.full((4, 2), 4.0))


def test_levels_then_rows_then_cells() -> None:
    boxes = make_anchors(AnchorSpec(octaves=1, ratios=(1.0,)), (3, 4), (16, 24))
    centres = ((boxes[:, :2] + boxes[:, 2:]) / 2).tolist()
    assert centres == [
        [4, 4], [12, 4], [20, 4],
        [4, 12], [12, 12], [20, 12],
        [8, 8], [24, 8],
    ]  # fmt: skip


def test_sides_that_no_stride_divides_round_up() -> None:
    spec = AnchorSpec(octaves=1, ratios=(1.0,))
    assert len(make_anchors(spec, (3, 5), (100, 70))) == 13 * 9 + 4 * 3


def test_the_same_arguments_give_the_same_tensor() -> None:
    first = make_anchors(AnchorSpec(), (3, 4), (64, 64))
    assert make_anchors(AnchorSpec(), (3, 4), (64, 64)) is first


def test_equal_to_effdet() -> None:
    effdet = pytest.importorskip("effdet.anchors")
    theirs = effdet.Anchors(3, 7, 3, [1.0, 2.0, 0.5], 4.0, (256, 384)).boxes
    ours = make_anchors(AnchorSpec(ratios=RATIOS), (3, 4, 5, 6, 7), (256, 384))
    torch.testing.assert_close(ours, theirs[:, [1, 0, 3, 2]], rtol=0, atol=1e-4)


def test_sides_as_releases_rounded_them_are_effdets() -> None:
    """`tf_efficientdet_d0`'s own anchors: a hundredth smaller than those of the square roots."""
    effdet = pytest.importorskip("effdet.anchors")
    config = pytest.importorskip("effdet.config").get_efficientdet_config("tf_efficientdet_d0")
    config.image_size = (256, 384)
    theirs = effdet.Anchors.from_config(config).boxes[:, [1, 0, 3, 2]]
    spec = AnchorSpec(ratios=RATIOS, sides=((1.0, 1.0), (1.4, 0.7), (0.7, 1.4)))
    ours = make_anchors(spec, (3, 4, 5, 6, 7), (256, 384))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
    roots = make_anchors(AnchorSpec(ratios=RATIOS), (3, 4, 5, 6, 7), (256, 384))
    assert (roots - theirs).abs().max() > 3


def test_sides_must_be_those_of_the_ratios() -> None:
    for sides in (((1.4, 0.7),), ((1.0, 1.0), (0.7, 1.4), (1.4, 0.7))):
        with pytest.raises(ValueError, match=r"sides have ratios .* not \(1.0, 0.5, 2.0\)"):
            AnchorSpec(ratios=RATIOS, sides=sides)


def test_decode_is_the_inverse_of_encode() -> None:
    anchors = make_anchors(AnchorSpec(), (3, 4), (32, 32))
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(len(anchors), 2, generator=generator) * 32
    boxes = torch.cat([corner, corner + 1 + 40 * torch.rand(corner.shape, generator=generator)], 1)
    torch.testing.assert_close(decode(encode(boxes, anchors), anchors), boxes, rtol=0, atol=1e-3)


def test_code_is_y_x_height_width_unscaled() -> None:
    anchor = torch.tensor([[0.0, 0.0, 10.0, 20.0]])
    box = torch.tensor([[5.0, 5.0, 25.0, 45.0]])
    code = [[(25 - 10) / 20, (15 - 5) / 10, torch.tensor(2.0).log(), torch.tensor(2.0).log()]]
    torch.testing.assert_close(encode(box, anchor), torch.tensor(code))


def test_wild_codes_stay_finite_in_half_precision() -> None:
    anchors = make_anchors(AnchorSpec(), (7,), (128, 128))
    codes = torch.full((len(anchors), 4), 60000.0, dtype=torch.float16)
    assert decode(codes, anchors).dtype == torch.float32
    assert decode(codes, anchors).isfinite().all()
