"""The moving average: its ramp, what it covers, what it leaves alone."""

import pytest
import torch
from torch import nn

from harness.average import Average, changing, ramped


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
