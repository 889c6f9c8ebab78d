"""Cost of a module by measurement: fvcore's counts, and multiply-adds of convolutions.

fvcore counts one for each multiply-add of a convolution, two for each element an eval-mode batch
norm makes, one for each that nearest upsampling makes, and leaves other elementwise work out; what
it left out is handed on with the total.
"""

import logging
import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

Shapes = Mapping[str, tuple[int, ...]]


class Count(NamedTuple):
    """total: fvcore's sum for one image. uncounted: operators it left out, with how often.

    operators: the total by operator (`conv`, `batch_norm`, ...).
    """

    total: int
    params: int
    uncounted: dict[str, int]
    operators: dict[str, int]


class _Flat(nn.Module):
    """A module that takes tensors and gives tensors, around one that takes or gives more."""

    def __init__(self, module: nn.Module, names: tuple[str, ...] | None) -> None:
        super().__init__()
        self.module, self.names = module, names

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        if self.names is None:
            return tuple(_tensors(self.module(*tensors)))
        return tuple(_tensors(self.module(dict(zip(self.names, tensors, strict=True)))))


def count(module: nn.Module, image_size: int) -> Count:
    """fvcore's count of one square RGB image, `image_size` pixels a side, in eval mode on CPU."""
    return _count(module, None, [(1, 3, image_size, image_size)])


def count_maps(module: nn.Module, shapes: Shapes) -> Count:
    """The same for a module that takes a dict of maps: shapes (1, C, H, W) by name."""
    return _count(module, tuple(shapes), list(shapes.values()))


def conv_macs(module: nn.Module, shapes: Shapes | int) -> int:
    """Multiply-adds of convolutions, linear layers and attention, for one image.

    Nothing is computed on a meta module.

    shapes: of a dict of maps by name, or the side of a square RGB image in pixels.
    """
    device = next((p.device for p in module.parameters()), torch.device("cpu"))
    counter = FlopCounterMode(display=False, custom_mapping=_deformable())
    with _eval(module), torch.no_grad(), counter:
        if isinstance(shapes, int):
            module(torch.zeros(1, 3, shapes, shapes, device=device))
        else:
            module({name: torch.zeros(shape, device=device) for name, shape in shapes.items()})
    return int(counter.get_total_flops()) // 2


def _deformable() -> dict[Any, Any]:
    """Deformable convolutions, which torch's counter does not know: 2 for each multiply-add.

    Empty where torchvision has not been loaded: then no module can hold one.
    """
    namespace = getattr(torch.ops, "torchvision", None)
    op = getattr(namespace, "deform_conv2d", None)
    return {} if op is None else {op: _deformable_flops}


def _deformable_flops(
    x: tuple[int, ...], weight: tuple[int, ...], offset: tuple[int, ...], *rest: Any, **more: Any
) -> int:
    return int(2 * x[0] * offset[2] * offset[3] * math.prod(weight))


def _count(module: nn.Module, names: tuple[str, ...] | None, shapes: list[Any]) -> Count:
    params = sum(p.numel() for p in module.parameters())
    inputs = tuple(torch.zeros(shape) for shape in shapes)
    with _eval(module), torch.no_grad(), _quiet():
        from fvcore.nn import FlopCountAnalysis

        analysis = FlopCountAnalysis(_Flat(module, names), inputs)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        total = int(analysis.total())
        uncounted = dict(sorted(analysis.unsupported_ops().items()))
        operators = {name: int(n) for name, n in sorted(analysis.by_operator().items())}
    return Count(total, params, uncounted, operators)


def _tensors(value: Any) -> Iterator[Tensor]:
    """All tensors of an output, whatever dicts, tuples and dataclasses hold them."""
    if isinstance(value, Tensor):
        yield value
        return
    if isinstance(value, Mapping):
        value = value.values()
    elif hasattr(value, "__dataclass_fields__"):
        value = [getattr(value, name) for name in value.__dataclass_fields__]
    for part in value:
        yield from _tensors(part)


@contextmanager
def _eval(module: nn.Module) -> Iterator[None]:
    """Eval mode for the length of a block; every submodule gets its own mode back."""
    before = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in before:
            part.training = training


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings of the tracer, nor log lines of fvcore."""
    loggers = [logging.getLogger("fvcore"), logging.getLogger("fvcore.nn.jit_analysis")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
