"""The optimiser of a recipe: which parameters decay, which learn at their own rate, and when."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from harness.space.recipe import Optimizer, Recipe, Schedule


def parameter_groups(
    network: nn.Module, optimizer: Optimizer, fusion: Iterable[Tensor] = ()
) -> list[dict[str, object]]:
    """Kernels (decayed), norms and biases (not), fusion weights (not, at their own rate)."""
    fused = {id(parameter) for parameter in fusion}
    groups: dict[str, list[Tensor]] = {"kernels": [], "plain": [], "fusion": []}
    for parameter in network.parameters():
        if parameter.requires_grad:
            kind = "kernels" if parameter.ndim >= 2 else "plain"
            groups["fusion" if id(parameter) in fused else kind].append(parameter)
    decay = {"kernels": optimizer.weight_decay, "plain": 0.0, "fusion": 0.0}
    rate = {"kernels": 1.0, "plain": 1.0, "fusion": optimizer.fusion_rate}
    return [
        {"name": name, "params": members, "weight_decay": decay[name], "rate": rate[name]}
        for name, members in groups.items()
        if members
    ]


def peak_rate(recipe: Recipe) -> float:
    """The learning rate after warm-up: scaled linearly with the batch."""
    optimizer = recipe.optimizer
    return optimizer.learning_rate * recipe.batch_size / optimizer.reference_batch


def build_optimizer(
    network: nn.Module, recipe: Recipe, fusion: Iterable[Tensor] = ()
) -> torch.optim.Optimizer:
    spec = recipe.optimizer
    groups = parameter_groups(network, spec, fusion)
    rate = peak_rate(recipe)
    if spec.name == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=(spec.momentum, 0.999), fused=True)
    return torch.optim.SGD(groups, lr=rate, momentum=spec.momentum, fused=True)


def rate_factor(step: int, steps: int, warmup: int) -> float:
    """Share of the peak rate at `step` (from 0) of `steps`: linear warm-up, cosine to zero."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def share_of_peak(schedule: Schedule, step: int, an_epoch: int) -> float:
    """Share of the peak rate at `step` (from 0), with `an_epoch` steps in each epoch."""
    warmup = round(schedule.warmup_epochs * an_epoch)
    if schedule.drop is None:
        return rate_factor(step, schedule.epochs * an_epoch, warmup)
    fallen = sum(step >= epoch * an_epoch for epoch in schedule.drop.after)
    warm = min(1.0, (step + 1) / warmup) if warmup else 1.0
    return warm * schedule.drop.factor**fallen


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate"]
