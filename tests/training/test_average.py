"""The moving average: its ramp, what it covers, what it leaves alone."""

import pytest
import torch
from torch import nn

from harness.training.average import Average, NormRamp, changing, ramped


def test_the_decay_is_ramped():
    assert [ramped(0.9, step) for step in (1, 2, 71, 1000)] == pytest.approx(
        [2 / 11, 3 / 12, 72 / 81, 0.9]
    )


def network():
    return nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Conv2d(2, 1, 1))


def test_parameters_and_statistics_follow():
    net = network()
    average = Average(net, 0.9)
    start = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.no_grad():
        net[0].weight += 1
        net[1].running_mean += 2
    average.update(1)
    for name, value in average.network.state_dict().items():
        if value.is_floating_point():
            expected = 2 / 11 * start[name] + 9 / 11 * net.state_dict()[name]
            torch.testing.assert_close(value, expected)


def test_the_average_is_for_evaluation_and_has_no_gradients():
    average = Average(network(), 0.9)
    assert not average.network.training
    assert not any(p.requires_grad for p in average.network.parameters())


def test_what_is_frozen_is_left_out():
    net = network()
    net[0].requires_grad_(False)
    net[1].eval()
    assert {id(t) for t in changing(net)} == {
        id(p) for p in [*net[1].parameters(), *net[2].parameters()]
    }


def test_fresh_norms_start_with_a_plain_mean():
    norm = nn.BatchNorm2d(1, momentum=0.25)
    ramp, means = NormRamp(norm), []
    for step in range(1, 8):
        ramp.set(step)
        norm(torch.full((2, 1, 2, 2), float(step)))
        means.append(float(norm.running_mean))
    assert means[:4] == pytest.approx([1, 1.5, 2, 2.5])
    assert means[4] == pytest.approx(0.75 * 2.5 + 0.25 * 5)
    assert norm.momentum == 0.25


def test_norms_that_bring_statistics_keep_their_momentum():
    norm = nn.BatchNorm2d(1, momentum=0.25)
    norm.running_mean += 1
    NormRamp(norm).set(1)
    still = nn.BatchNorm2d(1, momentum=0.25).eval()
    NormRamp(still).set(1)
    assert (norm.momentum, still.momentum) == (0.25, 0.25)
