"""Counts of modules: fvcore's rules, what it leaves out, and that nothing is disturbed."""

import warnings

import torch
from torch import nn

from harness.cost import conv_macs, count, count_maps


class Two(nn.Module):
    """Maps in a dict in and out; one convolution has no part in it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.norm.eval()

    def forward(self, maps):
        x = self.norm(self.conv(maps["p3"]))
        return {"p3": nn.functional.silu(x), "p4": maps["p4"] * 2}


SHAPES = {"p3": (1, 4, 8, 8), "p4": (1, 4, 4, 4)}
MACS = 8 * 8 * 6 * 4 * 9


def test_maps_are_counted_by_fvcores_rules():
    found = count_maps(Two(), SHAPES)
    assert found.total == MACS + 2 * 6 * 8 * 8
    assert found.params == 4 * 6 * 9 + 6 + 12
    assert found.uncounted == {"aten::mul": 1, "aten::silu": 1}


def test_images_are_counted_and_nested_outputs_taken():
    class Nested(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1, bias=False)

        def forward(self, x):
            y = self.conv(x)
            return (y, (y, {"last": y}))

    assert count(Nested(), 10).total == 600


def test_counting_is_silent_and_leaves_modes_as_they_were():
    module = Two().train()
    module.norm.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        count_maps(module, SHAPES)
        conv_macs(module, SHAPES)
    assert module.training
    assert not module.norm.training


def test_conv_macs_of_a_meta_module():
    with torch.device("meta"):
        module = Two()
    assert conv_macs(module, SHAPES) == MACS
    assert conv_macs(nn.Conv2d(3, 8, 3, stride=2, padding=1, device="meta"), 16) == 64 * 8 * 27
