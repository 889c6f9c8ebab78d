"""What holds for every block: a new one inherits these tests from the table.

Every block is tried with every argument changed once, and with published combinations of several.
"""

import copy
import pickle
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from harness.census import activations
from harness.compiler.initialise import initialise
from harness.graph import Norm, Op
from harness.graph import ops as facts
from harness.graph.args import Arg
from harness.ops.block import ACTIVATIONS, BLOCKS, fold_norms

PUBLISHED = {
    "yolov5": ("csp", {"n": 3, "shortcut": True, "order": "conv_norm_act"}),
    "picodet": ("csp", {"inner": "sepconv", "kernel": 5, "act": "hswish"}),
    "pp_yoloe": ("csp", {"n": 3, "inner": "conv_rep", "spp": True, "bias": False}),
    "rt_detr": ("csp", {"n": 3, "hidden": 1.0, "inner": "rep", "join": "add"}),
    "damo": (
        "csp",
        {"n": 2, "inner": "rep_conv", "shortcut": True, "join": "all", "expand": 0.75},
    ),
    "yolov6": ("rep", {"n": 3, "order": "conv_norm_act", "act": "relu", "bias": False}),
    "yolof": ("dilated", {"rate": 4, "order": "conv_norm_act", "act": "relu"}),
    "resnet": ("bottleneck", {"n": 2, "order": "conv_norm_act", "act": "relu", "bias": False}),
    "afpn": ("residual", {"n": 4, "order": "conv_norm_act", "act": "relu"}),
    "retinaface": ("ssh", {"order": "conv_norm_act", "act": "leaky_relu"}),
    "detectors": ("aspp", {"order": "conv_norm_act", "act": "relu", "norm": False}),
}


@dataclass(frozen=True)
class Case:
    """A block and the arguments that are not its defaults."""

    name: str
    changed: dict[str, Any] = field(default_factory=dict)
    title: str = ""

    def __str__(self) -> str:
        said = self.title or ",".join(f"{key}={value}" for key, value in self.changed.items())
        return f"{self.name}-{said}" if said else self.name

    @property
    def spec(self) -> facts.OpSpec:
        return facts.BLOCKS.get(self.name)

    @property
    def args(self) -> dict[str, Any]:
        return {arg.name: self.changed.get(arg.name, arg.default) for arg in self.spec.args}

    @property
    def op(self) -> Op:
        return Op(self.name, tuple(self.args.items()))

    def build(self, channels_in: int = 8, channels_out: int = 8) -> nn.Module:
        """In eval mode, with the first values that training would start from."""
        block = BLOCKS.get(self.name)(channels_in, channels_out, Norm(), **self.args)
        initialise(block, 0)
        return block.eval()


def others(arg: Arg) -> list[Any]:
    """Values beside the default: another of a kind, every choice (but of activations only none)."""
    if arg.name == "act":
        return ["none"]
    match arg.kind:
        case "choice":
            return [choice for choice in arg.choices if choice != arg.default]
        case "flag":
            return [not arg.default]
        case "whole":
            return [1, 5 if arg.odd and arg.default != 5 else 3]
        case _:
            return [arg.default / 2]


DEFAULTS = [Case(name) for name in facts.BLOCKS.names()]
CASES = (
    DEFAULTS
    + [
        Case(case.name, {arg.name: value})
        for case in DEFAULTS
        for arg in case.spec.args
        for value in others(arg)
        if value != arg.default
    ]
    + [Case(name, changed, title) for title, (name, changed) in PUBLISHED.items()]
)


@torch.no_grad()
def shaken(block: nn.Module, seed: int = 0) -> nn.Module:
    """The same block with all parameters and statistics drawn anew, small and positive."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in (*block.parameters(), *block.buffers()):
        if tensor.is_floating_point():
            tensor.uniform_(0.02, 0.2, generator=generator)
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 2, generator=generator)
            module.weight.uniform_(0.5, 2, generator=generator)
    return block


SIZES = [(13, 9), (1, 1)]
PAIRS = [(8, 8), (16, 16), (12, 20), (10, 6)]

every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_block = pytest.mark.parametrize("case", DEFAULTS, ids=str)


def pairs(case):
    return [pair for pair in PAIRS if case.spec.any_channels or pair[0] == pair[1]]


def deformable_flops(x, weight, *args, out_shape, **kwargs):
    return 2 * out_shape[2] * out_shape[3] * weight[0] * weight[1] * weight[2] * weight[3]


def counted(block, x):
    """Multiply-adds as torch counts them; it knows convolutions, products and attention."""
    mapping = {torch.ops.torchvision.deform_conv2d: deformable_flops}
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        block(x)
    return counter.get_total_flops() // 2


@every_case
def test_parameters_are_those_its_facts_declare(case):
    for given, made in pairs(case):
        params = sum(p.numel() for p in case.build(given, made).parameters())
        assert params == case.spec.params(case.op, facts.Shape(given, made))


@every_case
def test_multiply_adds_are_those_its_facts_declare(case):
    for given, made in pairs(case):
        block = case.build(given, made)
        for height, width in [(20, 10)] if case.name == "ratio_pool" else SIZES:
            cells = height * width
            shape = facts.Shape(given, made, cells=cells, cells_in=cells, height=height)
            x = torch.randn(1, given, height, width)
            assert counted(block, x) == case.spec.macs(case.op, shape)
            assert activations(block, x) == case.spec.acts(case.op, shape)
            assert case.spec.tally(case.op, shape).acts == case.spec.acts(case.op, shape)


@every_case
@pytest.mark.parametrize("size", SIZES)
def test_the_size_is_kept_and_the_channels_are_made(case, size):
    for given, made in pairs(case):
        block = case.build(given, made).train()
        assert block(torch.randn(2, given, *size)).shape == (2, made, *size)


@every_case
def test_what_sees_how_far(case):
    """A cell is changed: the square of cells that change with it is the kernel, or everything."""
    side = 60
    block = shaken(case.build())
    if case.name == "deformable":
        block.offsets.reset_parameters()
    x = torch.rand(1, 8, side, side, dtype=torch.float64)
    other = x.clone()
    other[:, :, side // 2, side // 2] += 100
    with torch.no_grad():
        differs = (block.double()(x) != block(other)).any(1)[0]
    if case.spec.global_:
        assert differs.all()
        return
    for axis in (0, 1):
        first, *_, last = differs.any(axis).nonzero().flatten().tolist() * 2
        seen = 1 + last - first
        assert case.spec.kernel(case.op, 1) == seen + (seen % 2 == 0)


@every_case
def test_every_parameter_and_the_input_get_a_gradient(case):
    block = shaken(case.build())
    x = torch.randn(2, 8, 13, 9, requires_grad=True)
    y = block(x)
    (y * torch.randn(y.shape)).sum().backward()
    for name, parameter in [("x", x), *block.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any() or name == "key.bias", name


@every_case
def test_training_in_half_precision_is_finite(case):
    block = case.build().train()
    x = torch.randn(2, 8, 13, 9, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = block(x)
    y.float().square().mean().backward()
    assert y.isfinite().all()
    assert all(p.grad.isfinite().all() for p in (x, *block.parameters()))


@every_case
@pytest.mark.parametrize("size", [(13, 9), (2, 1)])
def test_channels_last_stays_so(case, size):
    x = torch.randn(2, 32, *size).to(memory_format=torch.channels_last)
    block = case.build(32, 32).to(memory_format=torch.channels_last)
    assert block(x).is_contiguous(memory_format=torch.channels_last)


@every_case
def test_folding_changes_nothing_and_leaves_no_norm(case):
    block = shaken(case.build())
    slim = copy.deepcopy(block)
    fold_norms(slim)
    x = torch.randn(2, 8, 13, 9)
    with torch.no_grad():
        torch.testing.assert_close(slim(x), block(x), rtol=1e-4, atol=1e-4)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in slim.modules())
    fold_norms(slim)
    with torch.no_grad():
        torch.testing.assert_close(slim(x), block(x), rtol=1e-4, atol=1e-4)


@every_case
def test_it_normalises_if_its_facts_say_so(case):
    norms = [module for module in case.build().modules() if isinstance(module, nn.BatchNorm2d)]
    assert bool(norms) == case.spec.normalises(case.op)
    assert all(norm.eps == 1e-3 and norm.momentum == 0.01 for norm in norms)


@every_case
def test_arguments_that_its_meaning_leaves_out_change_nothing(case):
    """Two ops of one meaning are one module: the same parameters and the same outcome."""
    plain = Case(case.name)
    if case.changed and case.spec.meaning(case.op, 1) == plain.spec.meaning(plain.op, 1):
        x = torch.randn(1, 8, 5, 5)
        assert torch.equal(case.build()(x), plain.build()(x))


@every_block
def test_a_single_image_and_cell_will_do_in_eval_mode(case):
    assert case.build()(torch.randn(1, 8, 1, 1)).isfinite().all()


@every_block
def test_nothing_is_allocated_on_the_meta_device(case):
    with torch.device("meta"):
        block = BLOCKS.get(case.name)(8, 8, Norm(), **case.args)
        y = block(torch.empty(2, 8, 13, 9))
    assert y.is_meta
    assert y.shape == (2, 8, 13, 9)


@every_block
def test_it_can_be_exported_for_any_size(case):
    x = torch.randn(2, 8, 20, 30)
    block = case.build()
    sizes = {2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    program = torch.export.export(block, (x,), dynamic_shapes=(sizes,)).module()
    other = torch.randn(2, 8, 40, 20)
    torch.testing.assert_close(program(other), block(other))


@every_block
def test_it_can_be_pickled(case):
    block, x = case.build(), torch.randn(1, 8, 5, 7)
    assert torch.equal(pickle.loads(pickle.dumps(block))(x), block(x))


def test_activations_are_those_of_the_facts():
    assert tuple(ACTIVATIONS) == facts.ACTIVATIONS


@pytest.mark.parametrize("act", facts.ACTIVATIONS)
def test_every_activation_keeps_zero_and_is_finite(act):
    x = torch.linspace(-20, 20, 81)
    y = ACTIVATIONS[act](x)
    assert y[40] == 0
    assert y.isfinite().all()
    assert (y[60:] > 0).all()
