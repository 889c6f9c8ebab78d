"""Which parameters decay, and how the learning rate moves."""

import math

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from harness.space.recipe import Drop, Optimizer, Recipe, Schedule
from harness.training.optimizer import (
    build_optimizer,
    parameter_groups,
    peak_rate,
    rate_factor,
    set_rate,
    share_of_peak,
)


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 1)
        self.norm = nn.BatchNorm2d(3)
        self.fusion = nn.Parameter(torch.ones(2))
        self.per_channel = nn.Parameter(torch.ones(2, 3))
        self.frozen = nn.Conv2d(2, 2, 1).requires_grad_(False)


def groups_of(**fields):
    small = Small()
    groups = parameter_groups(small, Optimizer(**fields), (small.fusion, small.per_channel))
    return small, {group["name"]: group for group in groups}


def test_kernels_decay_and_nothing_else_does():
    small, groups = groups_of(weight_decay=0.1)
    members = {name: {id(p) for p in group["params"]} for name, group in groups.items()}
    assert members["kernels"] == {id(small.conv.weight)}
    assert members["plain"] == {id(p) for p in (small.conv.bias, *small.norm.parameters())}
    assert members["fusion"] == {id(small.fusion), id(small.per_channel)}
    decays = {name: group["weight_decay"] for name, group in groups.items()}
    assert decays == {"kernels": 0.1, "plain": 0, "fusion": 0}


def test_what_is_frozen_is_in_no_group():
    small, groups = groups_of()
    everything = {id(p) for group in groups.values() for p in group["params"]}
    assert not everything & {id(p) for p in small.frozen.parameters()}


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_fusion_weights_learn_at_their_own_rate(name):
    small = Small()
    recipe = Recipe(optimizer=Optimizer(name=name, fusion_rate=5.0))
    optimizer = build_optimizer(small, recipe, (small.fusion, small.per_channel))
    set_rate(optimizer, 0.2)
    assert {group["name"]: group["lr"] for group in optimizer.param_groups} == {
        "kernels": 0.2,
        "plain": 0.2,
        "fusion": 1.0,
    }


def test_the_rate_is_scaled_with_the_batch():
    recipe = Recipe(batch_size=16, optimizer=Optimizer(learning_rate=0.08, reference_batch=64))
    assert peak_rate(recipe) == pytest.approx(0.02)


def test_warm_up_is_linear_and_cosine_ends_at_zero():
    factors = [rate_factor(step, 30, 10) for step in range(31)]
    assert factors[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert factors[10] == 1
    assert factors[20] == pytest.approx(0.5)
    assert factors[25] == pytest.approx(0.5 * (1 + math.cos(0.75 * math.pi)))
    assert factors[30] == pytest.approx(0)


def test_without_warm_up_the_peak_comes_first():
    assert rate_factor(0, 10, 0) == 1


def test_a_warm_up_longer_than_training_never_divides_by_zero():
    assert rate_factor(4, 5, 5) == 1
    assert rate_factor(5, 5, 5) == 1


STEPS = Schedule(epochs=12, warmup_epochs=0.5, drop=Drop(after=(8, 11)))


def test_the_rate_falls_in_steps_after_a_linear_warm_up():
    shares = [share_of_peak(STEPS, step, an_epoch=10) for step in range(120)]
    assert shares[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])
    assert shares[5:80] == [1] * 75
    assert shares[80:110] == pytest.approx([0.1] * 30)
    assert shares[110:] == pytest.approx([0.01] * 10)


def test_without_a_drop_the_rate_is_the_cosine_of_old():
    schedule = Schedule(epochs=3, warmup_epochs=1)
    shares = [share_of_peak(schedule, step, an_epoch=10) for step in range(30)]
    assert shares == [rate_factor(step, 30, 10) for step in range(30)]


@pytest.mark.parametrize("after", [(), (3, 3), (8, 2), (0,)])
def test_epochs_of_a_drop_ascend(after):
    with pytest.raises(ValidationError):
        Drop(after=after)
