"""Operations of a module by measurement: every operator that torch runs, by kind.

The second of two counts that must agree: closed forms (`harness.graph.tally`) are held to it. It
watches a forward pass on the meta device, so nothing is computed. Fusions are written differently
here than in the papers (weights are normalised before they meet a map), so of `add` and `scale` it
tells what torch does, fusions included.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

Shapes = Mapping[str, tuple[int, ...]]


class Operation(NamedTuple):
    """One operator that ran: how many of a kind, and over how many cells (height x width).

    The cells are of the map it makes; a global average's of the map it reads.
    """

    kind: str
    number: int
    cells: int


def operations(module: nn.Module, shapes: Shapes | int) -> list[Operation]:
    """What one forward pass in eval mode does, in running order. Nothing is computed on meta.

    shapes: of a dict of maps by name, or the side of a square RGB image in pixels.
    """
    modes = {part: part.training for part in module.modules()}
    device = next((p.device for p in module.parameters()), torch.device("meta"))
    module.eval()
    watch = _Watch()
    with torch.no_grad(), watch:
        if isinstance(shapes, int):
            module(torch.zeros(1, 3, shapes, shapes, device=device))
        else:
            module({name: torch.zeros(shape, device=device) for name, shape in shapes.items()})
    for part, training in modes.items():
        part.training = training
    return list(watch.found)


def census(module: nn.Module, shapes: Shapes | int) -> dict[str, int]:
    """The same added up by kind, with `kernels`: weights of convolutions, each once."""
    totals: dict[str, int] = {}
    for one in operations(module, shapes):
        totals[one.kind] = totals.get(one.kind, 0) + one.number
    return totals | {"kernels": kernels(module)}


def activations(module: nn.Module, *inputs: object) -> int:
    """Numbers that convolutions and linear layers put out in one call of a module."""
    with torch.no_grad(), _Watch() as watch:
        module(*inputs)
    return sum(one.number for one in watch.found if one.kind == "acts")


def kernels(module: nn.Module) -> int:
    """Weights of convolutions and linear layers, each once."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    weights = {m.weight for m in module.modules() if isinstance(m, kinds)}
    return sum(weight.numel() for weight in weights)


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[Operation] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        count = COUNTS.get(str(func.overloadpacket).removeprefix("aten."))
        if count is not None:
            out = made[0] if isinstance(made, tuple) else made
            for kind, number in count(args, out).items():
                over = args[0] if kind == "mean" else out
                cells = math.prod(over.shape[2:]) if over.dim() == 4 else 1
                self.found.append(Operation(kind, number, cells))
        return made


Counted = Callable[[tuple[Any, ...], Tensor], dict[str, int]]


def _outputs(kind: str) -> Counted:
    return lambda args, out: {kind: out.numel()}


def _convolution(args: tuple[Any, ...], out: Tensor) -> dict[str, int]:
    x, weight, bias, transposed = args[0], args[1], args[2], args[6]
    places = x if transposed else out
    macs = math.prod(places.shape[2:]) * weight.numel()
    return {"macs": macs, "acts": out.numel(), "bias": out.numel() if bias is not None else 0}


def _addmm(args: tuple[Any, ...], out: Tensor) -> dict[str, int]:
    return {
        "macs": out.numel() * int(args[1].shape[-1]),
        "acts": out.numel(),
        "bias": out.numel(),
    }


def _mean(args: tuple[Any, ...], out: Tensor) -> dict[str, int]:
    return {"mean": cast(Tensor, args[0]).numel()} if args[0].dim() == 4 else {}


def _pool(args: tuple[Any, ...], out: Tensor) -> dict[str, int]:
    return {"pool": out.numel() * math.prod(args[1])}


def _maps(kind: str) -> Counted:
    """Of maps alone: not of weights or numbers."""

    def count(args: tuple[Any, ...], out: Tensor) -> dict[str, int]:
        both = isinstance(args[1], Tensor) and args[1].dim() == 4
        return {kind: out.numel()} if out.dim() == 4 and both else {}

    return count


COUNTS: dict[str, Counted] = {
    "convolution": _convolution,
    "addmm": _addmm,
    "mm": _outputs("acts"),
    "torchvision.deform_conv2d": _outputs("acts"),
    "silu": _outputs("swish"),
    "silu_": _outputs("swish"),
    "hardswish": _outputs("swish"),
    "hardswish_": _outputs("swish"),
    "gelu": _outputs("swish"),
    "native_batch_norm": _outputs("norm"),
    "_native_batch_norm_legit_no_training": _outputs("norm"),
    "cudnn_batch_norm": _outputs("norm"),
    "native_layer_norm": _outputs("norm"),
    "mean": _mean,
    "max_pool2d_with_indices": _pool,
    "avg_pool2d": _pool,
    "upsample_nearest2d": _outputs("nearest"),
    "upsample_bilinear2d": _outputs("bilinear"),
    "add": _maps("add"),
    "add_": _maps("add"),
    "mul": _maps("scale"),
    "mul_": _maps("scale"),
}
"""By the name of torch's operator."""
