"""What every resample must be, whatever it is: a new one inherits these tests."""

import inspect

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from harness.census import activations
from harness.compiler.initialise import initialise
from harness.graph import Norm, Op
from harness.graph.ops import RESAMPLES as FACTS
from harness.graph.ops import Shape
from harness.ops import RESAMPLES

CHANNELS = 6
FORM = ("act", "order", "bias", "norm")
FINE = [(16, 16), (17, 33), (15, 6), (5, 9), (3, 2), (1, 7), (1, 1)]
"""Sizes of the finer map. The coarser one's are rounded up, as SAME has it, or down."""


def variations(spec):
    """Default arguments, and each of them changed by itself."""
    plain = {arg.name: arg.default for arg in spec.args}
    yield plain
    for arg in spec.args:
        match arg.kind:
            case "choice":
                others = arg.choices[1:]
            case "flag":
                others = (not arg.default,)
            case _:
                others = (arg.default + 2,)
        yield from ({**plain, arg.name: other} for other in others)


def name_of(name, args, direction):
    plain = {arg.name: arg.default for arg in FACTS.get(name).args}
    said = (f"{k}={v}" for k, v in args.items() if plain[k] != v)
    return "-".join([name, direction, *said])


CASES = [
    pytest.param(name, args, direction, id=name_of(name, args, direction))
    for name in FACTS.names()
    for args in variations(FACTS.get(name))
    for direction in FACTS.get(name).directions
]
LEARNED = [case for case in CASES if inspect.isclass(RESAMPLES.get(case.values[0]))]


class Function(torch.nn.Module):
    """A function with its arguments, as a module."""

    def __init__(self, function, args):
        super().__init__()
        self.function, self.args = function, args

    def forward(self, x, size):
        return self.function(x, size, **self.args)


def build(name, args, stride=2, channels_out=CHANNELS):
    made = RESAMPLES.get(name)
    if not inspect.isclass(made):
        return Function(made, args)
    module = made(CHANNELS, channels_out, Norm(1e-3, 0.1), stride, **args)
    if not any(p.is_meta for p in module.parameters()):
        initialise(module, 0)
    return module


def sizes(direction, stride, floor=False):
    """(source, target) of every fine map, each axis divided by the stride."""
    for fine in FINE:
        coarse = tuple(max(1, side // stride if floor else -(-side // stride)) for side in fine)
        yield (fine, coarse) if direction == "down" else (coarse, fine)


def random(size, channels=CHANNELS):
    generator = torch.Generator().manual_seed(size[0] * 99 + size[1])
    return torch.randn(2, channels, *size, generator=generator)


def op_of(name, args):
    return Op(name, tuple(args.items()))


@pytest.mark.parametrize("name", FACTS.names())
def test_facts_and_module_have_the_same_arguments(name):
    spec, made = FACTS.get(name), RESAMPLES.get(name)
    takes = list(inspect.signature(made).parameters.values())[4 if inspect.isclass(made) else 2 :]
    assert [one.name for one in takes] == [arg.name for arg in spec.args]
    if not inspect.isclass(made):
        assert [one.default for one in takes] == [arg.default for arg in spec.args]
    assert spec.arity == (1, 1)
    assert spec.directions
    assert set(spec.directions) <= {"up", "down"}


@pytest.mark.parametrize("floor", [False, True])
@pytest.mark.parametrize("stride", [2, 4, 8])
@pytest.mark.parametrize(("name", "args", "direction"), CASES)
def test_the_size_is_the_one_asked_for(name, args, direction, stride, floor):
    resample = build(name, args, stride)
    for source, target in sizes(direction, stride, floor):
        y = resample(random(source), target)
        assert y.shape == (2, CHANNELS, *target)
        assert y.isfinite().all()


@pytest.mark.parametrize(("name", "args", "direction"), LEARNED)
def test_a_cell_too_many_or_too_few_is_no_error(name, args, direction):
    resample = build(name, args)
    for source, (height, width) in sizes(direction, 2):
        for more, wider in ((1, 0), (0, 1), (-1, 1), (1, -1)):
            target = max(1, height + more), max(1, width + wider)
            assert resample(random(source), target).shape[2:] == target


@pytest.mark.parametrize("stride", [2, 4])
@pytest.mark.parametrize(("name", "args", "direction"), CASES)
def test_parameters_and_multiply_adds_are_those_declared(name, args, direction, stride):
    spec, op = FACTS.get(name), op_of(name, args)
    for channels_out in (CHANNELS, 10) if spec.any_channels else (CHANNELS,):
        resample = build(name, args, stride, channels_out).eval()
        for (height, width), target in sizes(direction, stride):
            cells = target[0] * target[1]
            shape = Shape(CHANNELS, channels_out, 1, cells, height * width, stride, target[0])
            assert sum(p.numel() for p in resample.parameters()) == spec.params(op, shape)
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                y = resample(random((height, width))[:1], target)
            assert counter.get_total_flops() // 2 == spec.macs(op, shape)
            x = random((height, width))[:1]
            assert activations(resample, x, target) == spec.acts(op, shape)
            assert spec.tally(op, shape).acts == spec.acts(op, shape)
            assert y.shape == (1, channels_out, *target)


@pytest.mark.parametrize("stride", [2, 4])
@pytest.mark.parametrize(
    ("name", "args", "direction"),
    [
        case
        for case in CASES
        if all(
            case.values[1][arg.name] == arg.default
            for arg in FACTS.get(case.values[0]).args
            if arg.name in FORM
        )
    ],
)
def test_a_cell_sees_as_many_as_declared(name, args, direction, stride):
    """Every cell of a column is changed in turn; far from the border the most seen counts."""
    resample = build(name, args, stride).double().eval()
    sides = (16, 16 * stride) if direction == "up" else (16 * stride, 16)
    x, target = random((sides[0], 1)).double()[:1], (sides[1], 1)
    seen = torch.zeros(sides[1], sides[0], dtype=torch.bool)
    with torch.no_grad():
        plain = resample(x, target)
        for cell in range(sides[0]):
            for change in (-9, 9):
                moved = x.clone()
                moved[:, :, cell] += change
                seen[:, cell] |= (resample(moved, target) != plain).any(1)[0, :, 0]
    far = seen[sides[1] // 4 : -sides[1] // 4]
    spans = [(row.nonzero().max() - row.nonzero().min() + 1).item() for row in far]
    declared = FACTS.get(name).kernel(op_of(name, args), stride)
    if direction == "up":
        assert max(spans) // 2 * 2 + 1 == declared
    elif name == "bilinear":
        assert max(spans) == 2
    else:
        assert max(spans) == declared


@pytest.mark.parametrize(("name", "args", "direction"), CASES)
def test_the_input_and_every_parameter_get_a_gradient(name, args, direction):
    resample = build(name, args)
    source, target = next(iter(sizes(direction, 2)))
    x = random(source).requires_grad_()
    y = resample(x, target)
    (y * torch.randn_like(y)).sum().backward()
    assert x.grad.abs().sum() > 0
    for parameter_name, parameter in resample.named_parameters():
        idle = parameter_name == "conv.bias" and args.get("norm")
        assert idle or parameter.grad.abs().sum() > 0
        assert parameter.grad.isfinite().all()


@pytest.mark.parametrize(("name", "args", "direction"), CASES)
def test_half_precision(name, args, direction):
    resample = build(name, args)
    for source, target in sizes(direction, 2):
        x = random(source).bfloat16()
        with torch.autocast("cpu", torch.bfloat16):
            y = resample(x, target)
        assert y.dtype is torch.bfloat16
        assert y.isfinite().all()


@pytest.mark.parametrize(("name", "args", "direction"), CASES)
def test_channels_last_is_kept(name, args, direction):
    resample = build(name, args).eval()
    for source, target in list(sizes(direction, 2))[:4]:
        x = random(source)
        y = resample(x.to(memory_format=torch.channels_last), target)
        assert y.stride()[1] == 1
        torch.testing.assert_close(y, resample(x, target))


@pytest.mark.parametrize(("name", "args", "direction"), CASES)
def test_meta(name, args, direction):
    with torch.device("meta"):
        resample = build(name, args)
        for source, target in sizes(direction, 2):
            assert resample(torch.empty(2, CHANNELS, *source), target).shape[2:] == target


@pytest.mark.parametrize("name", FACTS.names())
def test_export(name):
    spec = FACTS.get(name)
    resample = build(name, next(variations(spec))).eval()
    for source, target in list(sizes(spec.directions[0], 2))[:2]:
        program = torch.export.export(resample, (random(source), target))
        given = random(source)
        torch.testing.assert_close(program.module()(given, target), resample(given, target))


@pytest.mark.parametrize(("name", "args", "direction"), LEARNED)
def test_norms_are_declared_and_fold(name, args, direction):
    resample = build(name, args)
    source, target = list(sizes(direction, 2))[1]
    norms = [m for m in resample.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert bool(norms) == FACTS.get(name).normalises(op_of(name, args))
    assert all((norm.eps, norm.momentum) == (1e-3, 0.1) for norm in norms)
    for _ in range(3):
        resample(random(source), target)
    for norm in norms:
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    x = random(source)
    expected = resample.eval()(x, target)
    for module in list(resample.modules()):
        if hasattr(module, "fold"):
            module.fold()
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in resample.modules())
    torch.testing.assert_close(resample(x, target), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "args", "direction"), LEARNED)
def test_first_values_are_set_by_initialise_alone(name, args, direction):
    one, two = build(name, args), build(name, args)
    with torch.no_grad():
        for parameter in two.parameters():
            parameter.fill_(torch.nan)
    initialise(two, 0)
    for first, second in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(first, second)
