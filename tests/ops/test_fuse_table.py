"""What every fuse must be, whatever it is: a new one inherits these tests."""

import inspect
import keyword

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from harness.census import activations
from harness.compiler.initialise import initialise
from harness.graph import Norm, Op
from harness.graph.ops import FUSES as FACTS
from harness.graph.ops import Shape
from harness.ops import FUSES
from harness.ops.inputs import Inputs

SIZES = [(5, 7), (1, 1), (1, 4)]
CHANNELS = 8


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


def name_of(name, args):
    plain = {arg.name: arg.default for arg in FACTS.get(name).args}
    return "-".join([name, *(f"{k}={v}" for k, v in args.items() if plain[k] != v)])


ALL = [
    pytest.param(name, args, id=name_of(name, args))
    for name in FACTS.names()
    for args in variations(FACTS.get(name))
]


def counts(spec):
    fewest, most = spec.arity
    return [count for count in (1, 2, 3) if count >= fewest and (most is None or count <= most)]


def roles_of(name, args, count):
    spec = FACTS.get(name)
    if spec.assign is None:
        return (None,) * count
    told = spec.assign(op_of(name, args), [(3 + i, None) for i in range(count)])
    return tuple(spec.roles[:count] if isinstance(told, str) else told)


def op_of(name, args):
    return Op(name, tuple(args.items()))


def build(name, args, count):
    given = {f"{k}_" if keyword.iskeyword(k) else k: v for k, v in args.items()}
    inputs = Inputs(roles_of(name, args, count), CHANNELS, Norm(1e-3, 0.1))
    fuse = FUSES.get(name)(inputs, **given)
    if not any(p.is_meta for p in fuse.parameters()):
        initialise(fuse, 0)
    return fuse


def maps(count, size=(5, 7)):
    generator = torch.Generator().manual_seed(count)
    return [torch.randn(2, CHANNELS, *size, generator=generator) for _ in range(count)]


def deform_flops(x, weight, offset, mask, bias, *args, out_shape=None, **kwargs):
    """Twice the multiply-adds, from shapes: FlopCounterMode's convention."""
    return 2 * x[0] * offset[2] * offset[3] * weight[0] * weight[1] * weight[2] * weight[3]


def counted(module, *inputs):
    ops = {torch.ops.torchvision.deform_conv2d: deform_flops}
    counter = FlopCounterMode(display=False, custom_mapping=ops)
    with counter, torch.no_grad():
        module.eval()(*inputs)
    return counter.get_total_flops() // 2 // inputs[0].shape[0]


@pytest.mark.parametrize("name", FACTS.names())
def test_facts_and_module_have_the_same_arguments(name):
    takes = list(inspect.signature(FUSES.get(name)).parameters)[1:]
    said = [arg.name for arg in FACTS.get(name).args]
    assert takes == [f"{arg}_" if keyword.iskeyword(arg) else arg for arg in said]


@pytest.mark.parametrize(("name", "args"), ALL)
def test_parameters_and_multiply_adds_are_those_declared(name, args):
    spec = FACTS.get(name)
    for count in counts(spec):
        fuse, shape = build(name, args, count), Shape(CHANNELS, CHANNELS, count, 5 * 7)
        op = op_of(name, args)
        assert sum(p.numel() for p in fuse.parameters()) == spec.params(op, shape)
        assert counted(fuse, *maps(count)) == spec.macs(op, shape)
        assert activations(fuse, *[x[:1] for x in maps(count)]) == spec.acts(op, shape)
        assert spec.tally(op, shape).acts == spec.acts(op, shape)


@pytest.mark.parametrize(("name", "args"), ALL)
@pytest.mark.parametrize("size", SIZES)
def test_shape(name, args, size):
    spec = FACTS.get(name)
    for count in counts(spec):
        channels = spec.channels(op_of(name, args), (CHANNELS,) * count)
        y = build(name, args, count)(*maps(count, size))
        assert y.shape == (2, channels, *size)
        assert y.isfinite().all()


@pytest.mark.parametrize(("name", "args"), ALL)
def test_every_input_and_parameter_gets_a_gradient(name, args):
    for count in counts(FACTS.get(name)):
        fuse, xs = build(name, args, count), [x.requires_grad_() for x in maps(count)]
        y = fuse(*xs)
        (y * torch.randn_like(y)).sum().backward()
        for leaf in (*xs, *fuse.parameters()):
            assert leaf.grad.isfinite().all()
            if leaf.numel() > 1 or count > 1:
                assert leaf.grad.abs().sum() > 0


@pytest.mark.parametrize(("name", "args"), ALL)
def test_half_precision(name, args):
    count = counts(FACTS.get(name))[-1]
    fuse, xs = build(name, args, count), [x.bfloat16() for x in maps(count)]
    with torch.autocast("cpu", torch.bfloat16):
        y = fuse(*xs)
    assert y.dtype is torch.bfloat16
    torch.testing.assert_close(y.float(), fuse(*(x.float() for x in xs)), rtol=0.1, atol=0.1)


@pytest.mark.parametrize(("name", "args"), ALL)
def test_channels_last_is_kept(name, args):
    count = counts(FACTS.get(name))[-1]
    fuse, xs = build(name, args, count).eval(), maps(count)
    y = fuse(*(x.to(memory_format=torch.channels_last) for x in xs))
    assert y.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y, fuse(*xs))


@pytest.mark.parametrize(("name", "args"), ALL)
def test_meta(name, args):
    count = counts(FACTS.get(name))[-1]
    with torch.device("meta"):
        y = build(name, args, count)(*(torch.empty(2, CHANNELS, 5, 7) for _ in range(count)))
    assert y.shape[2:] == (5, 7)


@pytest.mark.parametrize("name", FACTS.names())
def test_export(name):
    args = next(variations(FACTS.get(name)))
    count = counts(FACTS.get(name))[-1]
    fuse, xs = build(name, args, count).eval(), tuple(maps(count))
    torch.testing.assert_close(torch.export.export(fuse, xs).module()(*xs), fuse(*xs))


@pytest.mark.parametrize(("name", "args"), ALL)
def test_norms_are_declared_and_fold(name, args):
    spec, count = FACTS.get(name), counts(FACTS.get(name))[-1]
    fuse, xs = build(name, args, count), maps(count)
    norms = [m for m in fuse.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert bool(norms) == spec.normalises(op_of(name, args))
    assert all((norm.eps, norm.momentum) == (1e-3, 0.1) for norm in norms)
    for _ in range(3):
        fuse(*xs)
    for norm in norms:
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    expected = fuse.eval()(*xs)
    for module in list(fuse.modules()):
        if hasattr(module, "fold"):
            module.fold()
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in fuse.modules())
    torch.testing.assert_close(fuse(*xs), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", FACTS.names())
def test_first_values_are_set_by_initialise_alone(name):
    args = next(variations(FACTS.get(name)))
    count = counts(FACTS.get(name))[-1]
    one, two = build(name, args, count), build(name, args, count)
    with torch.no_grad():
        for parameter in two.parameters():
            parameter.fill_(torch.nan)
    initialise(two, 0)
    for first, second in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(first, second)
