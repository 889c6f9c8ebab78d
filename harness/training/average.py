"""Exponential moving average of a network: its parameters and its norms' statistics."""

import copy
import math
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def ramped(decay: float, step: int) -> float:
    """Decay at the `step`-th update (from 1): small at first, so that the start is forgotten."""
    return min(decay, (1 + step) / (10 + step))


def changing(network: nn.Module) -> list[Tensor]:
    """What training changes: parameters with gradients, float buffers of modules in train mode."""
    tensors: list[Tensor] = []
    for module in network.modules():
        tensors += [value for value in module.parameters(recurse=False) if value.requires_grad]
        if module.training:
            buffers = module.buffers(recurse=False)
            tensors += [value for value in buffers if value.is_floating_point()]
    return list(dict.fromkeys(tensors))


class Average(Generic[M]):
    """A copy of a network in train mode that follows it, in one fused update a step.

    `torch.optim.swa_utils.AveragedModel` walks every tensor in Python at each step and knows no
    ramp; here the tensors are looked up once, and those that cannot change are left out.
    """

    def __init__(self, network: M, decay: float) -> None:
        self.decay = decay
        self.network: M = copy.deepcopy(network)
        self._here = [tensor.detach() for tensor in changing(self.network)]
        self._there = [tensor.detach() for tensor in changing(network)]
        self.network.eval().requires_grad_(False)

    def update(self, step: int) -> None:
        """Move towards the network; `step` counts the updates from 1."""
        torch._foreach_lerp_(self._here, self._there, weight=1 - ramped(self.decay, step))


class NormRamp:
    """Statistics of fresh norms start as a plain mean over the steps, not as 0 and 1.

    At a momentum of 0.01 a norm is still a tenth of its arbitrary start after 230 steps, which is
    most of a short training: evaluated so, a network that fits its images finds nothing. From step
    1 / momentum on the momentum is the norm's own. Norms that come with statistics are left alone.
    """

    def __init__(self, network: nn.Module) -> None:
        self._norms = [
            (module, float(module.momentum))
            for module in network.modules()
            if isinstance(module, nn.modules.batchnorm._BatchNorm)
            and module.training
            and module.momentum
            and module.running_mean is not None
            and module.running_var is not None
            and bool((module.running_mean == 0).all() and (module.running_var == 1).all())
        ]
        self._last = max((math.ceil(1 / own) for _, own in self._norms), default=0)

    def set(self, step: int) -> None:
        """Prepare the `step`-th step, from 1."""
        if step <= self._last:
            for norm, own in self._norms:
                norm.momentum = max(own, 1 / step)
