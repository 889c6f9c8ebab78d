"""Measures timm backbones for `harness.space.backbones`: prints their facts as JSON.

    python -m harness.detector.measure_backbones NAME...
    python -m harness.detector.measure_backbones --table NAME...    # renews the shipped table

Multiply-adds and activations are counted layer by layer at two sizes on the meta device, so that
each becomes a number at one cell of a known stride; multiply-adds are checked against torch's own
counter.
"""

import argparse
import json
import math
import sys
from collections import Counter
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.flop_counter import FlopCounterMode

from harness.census import kernels, operations
from harness.detector.backbones import backbone_levels, build_backbone
from harness.errors import HarnessError, SpecError
from harness.space.backbones import IMAGE, TABLE
from harness.space.model import BackboneSpec

SIZES = (256, 512)
ODD_SIZES = (200, 333)
REACH_SIZES = (256, 512, 1024, 1536)
NARROW = 128
DEFAULT_COLOURS = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def measure(name: str) -> dict[str, Any]:
    """The facts of one backbone, as the table holds them."""
    levels = {}
    for level in backbone_levels(name):
        net = _meta(name, level)
        constant, cells, acts = count_layers(name, net)
        has_pool = constant > 0
        levels[str(level)] = {
            "channels": _channels(name, level),
            "params": sum(p.numel() for p in net.parameters()),
            "constant_macs": constant,
            "cell_macs": {str(s): n for s, n in sorted(cells.items())},
            "operations": {"acts": acts, **count_operations(name, net)},
            "receptive_field": None if has_pool else receptive_field(name, level),
        }
    deepest = _meta(name, max(backbone_levels(name)))
    colours = getattr(deepest, "default_cfg", DEFAULT_COLOURS)
    return {
        "levels": levels,
        "any_size": _any_size(deepest, levels[str(max(backbone_levels(name)))]),
        "norm": _norm(deepest),
        "mean": list(colours["mean"]),
        "std": list(colours["std"]),
    }


def _spec(name: str) -> BackboneSpec:
    return BackboneSpec(name=name)


def _meta(name: str, level: int) -> nn.Module:
    with torch.device("meta"):
        return build_backbone(_spec(name), [level], seed=0).net.eval()


def _channels(name: str, level: int) -> int:
    with torch.device("meta"):
        return build_backbone(_spec(name), [level], seed=0).channels[level]


def count_layers(name: str, net: nn.Module) -> tuple[int, dict[int, int], dict[str, int]]:
    """Multiply-adds of any image, those at one cell by stride; activations by either."""
    (small, total), (large, _) = (_layer_macs(net, size) for size in SIZES)
    constant, by_stride, acts = 0, Counter[int](), Counter[str]()
    for (cells, macs, outputs), (more, _, _) in zip(small, large, strict=True):
        if cells == more:
            constant += cells * macs
            acts[IMAGE] += cells * outputs
        elif more == 4 * cells and (side := math.isqrt(cells)) ** 2 == cells:
            by_stride[SIZES[0] // side] += macs
            acts[str(SIZES[0] // side)] += outputs
        else:
            raise SpecError(f"the cost of backbone {name!r} is no sum over cells")
    if constant + sum(n * (SIZES[0] // s) ** 2 for s, n in by_stride.items()) != total:
        raise SpecError(f"backbone {name!r} has layers whose cost is unknown")
    return constant, dict(by_stride), dict(sorted(acts.items()))


def count_operations(name: str, net: nn.Module) -> dict[str, dict[str, int]]:
    """Other operations, by kind: those of any image (`image`), and at one cell by stride.

    `kernels` are weights, so they are an image's. What is no sum over cells is refused.
    """
    small, large = (operations(net, size) for size in SIZES)
    found: dict[str, Counter[str]] = {"kernels": Counter(image=kernels(net))}
    for one, more in zip(small, large, strict=True):
        if one.kind in ("macs", "acts") or not one.number:
            continue
        if one.number == more.number:
            where, number = IMAGE, one.number
        elif more.number == 4 * one.number and (side := math.isqrt(one.cells)) ** 2 == one.cells:
            where, number = str(SIZES[0] // side), one.number // one.cells
        else:
            raise SpecError(f"the cost of backbone {name!r} is no sum over cells")
        found.setdefault(one.kind, Counter())[where] += number
    return {kind: dict(sorted(by.items())) for kind, by in sorted(found.items())}


def _layer_macs(net: nn.Module, size: int) -> tuple[list[tuple[int, int, int]], int]:
    """(cells, multiply-adds and outputs a cell) of each layer in running order, and torch's own
    total of multiply-adds."""
    layers: list[tuple[int, int, int]] = []

    def note(module: nn.Module, _: Any, out: Tensor) -> None:
        if isinstance(module, nn.Linear):
            outputs = out.shape[-1]
            layers.append((out.numel() // outputs, module.in_features * outputs, outputs))
        else:
            weights = cast(Tensor, module.weight).numel()
            layers.append((out[0, 0].numel(), weights, out.shape[1]))

    kinds = (nn.Conv2d, nn.Linear)
    handles = [m.register_forward_hook(note) for m in net.modules() if isinstance(m, kinds)]
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            net(torch.zeros(1, 3, size, size, device="meta"))
    except (AssertionError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise SpecError(f"the backbone does not take images of {size} px: {reason}") from error
    finally:
        for handle in handles:
            handle.remove()
    return layers, counter.get_total_flops() // 2


def _any_size(net: nn.Module, facts: dict[str, Any]) -> bool:
    """Whether the cells of every layer are ceil(side / stride) at odd sides too."""
    for size in ODD_SIZES:
        cells = facts["cell_macs"].items()
        expected = sum(n * math.ceil(size / int(s)) ** 2 for s, n in cells)
        try:
            if _layer_macs(net, size)[1] != expected + facts["constant_macs"]:
                return False
        except SpecError:
            return False
    return True


def receptive_field(name: str, level: int) -> int | None:
    """Height in pixels of what the middle cell of a map depends on; None: more than 1536.

    Looked for in a narrow image: kernels are square, so the width would say the same.
    """
    net = build_backbone(_spec(name), [level], seed=0).net.double().eval()
    _open_all_paths(net)
    for size in REACH_SIZES:
        image = torch.rand(1, 3, size, NARROW, dtype=torch.float64, generator=_seeded())
        (out,) = net(image.requires_grad_())
        middle = [side // 2 for side in out.shape[2:]]
        (gradient,) = torch.autograd.grad(out[0, :, middle[0], middle[1]].sum(), image)
        rows = gradient.abs().sum(dim=(0, 1, 3)).nonzero()
        reach = int(rows.max() - rows.min()) + 1
        if reach < size - 2**level:
            return reach
    return None


def _open_all_paths(net: nn.Module) -> None:
    """Every weight positive and averaging, so that no path is lost to a rectifier, a maximum or
    a branch that begins at nought; and no two alike, which a layer norm would make nought."""
    generator = _seeded()
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(False)
        if parameter.dim() > 1:
            parameter.uniform_(0.25, 0.75, generator=generator).div_(parameter[0].numel())
        else:
            parameter.fill_(0.0 if name.endswith("bias") else 1.0)
    for module in list(net.modules()):
        for child_name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                mean = nn.AvgPool2d(child.kernel_size, child.stride, child.padding)
                setattr(module, child_name, mean)


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _norm(net: nn.Module) -> dict[str, float] | None:
    norms = [m for m in net.modules() if isinstance(m, _BatchNorm)]
    return {"eps": norms[0].eps, "momentum": norms[0].momentum or 0.1} if norms else None


def main() -> int:
    parser = argparse.ArgumentParser(description="measure timm backbones")
    parser.add_argument("--table", action="store_true", help="renew these names in the table")
    parser.add_argument("names", nargs="+")
    args = parser.parse_args()
    try:
        facts = {name: measure(name) for name in args.names}
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, SpecError) else 1
    if args.table:
        old = json.loads(TABLE.read_text()) if TABLE.exists() else {}
        TABLE.write_text(json.dumps(old | facts, indent=1) + "\n")
    else:
        print(json.dumps(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
