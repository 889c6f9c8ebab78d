"""What is particular to single blocks: their formulas, and counts others have published."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from harness.compiler.initialise import initialise
from harness.graph import Norm, Op
from harness.graph import ops as facts
from harness.ops.block import BLOCKS, fold_norms

RESNET = {"act": "relu", "order": "conv_norm_act", "bias": False}


def build(name, channels_in, channels_out, **said):
    spec = facts.BLOCKS.get(name)
    args = {arg.name: said.get(arg.name, arg.default) for arg in spec.args}
    block = BLOCKS.get(name)(channels_in, channels_out, Norm(eps=1e-5), **args)
    initialise(block, 0)
    return block.eval()


def params(name, channels_in, channels_out, **said):
    spec = facts.BLOCKS.get(name)
    args = {arg.name: said.get(arg.name, arg.default) for arg in spec.args}
    return spec.params(Op(name, tuple(args.items())), facts.Shape(channels_in, channels_out))


@torch.no_grad()
def copied(source, target):
    """`target` with the values of `source`, which has the same in the same order."""
    generator = torch.Generator().manual_seed(0)
    pairs = zip(source.state_dict().values(), target.state_dict().values(), strict=True)
    for one, other in pairs:
        if one.is_floating_point():
            one.uniform_(0.1, 0.9, generator=generator)
            other.copy_(one.reshape(other.shape))
    return target


@pytest.mark.parametrize(
    ("name", "given", "made", "said", "count"),
    [
        ("csp", 512, 256, {"bias": False}, 361984),
        ("csp", 256, 128, {"bias": False}, 90880),
        ("csp", 512, 512, {"bias": False}, 1182720),
        ("spp", 512, 512, {"bias": False}, 656896),
    ],
)
def test_counts_of_yolov5s(name, given, made, said, count):
    """As its own summary prints them: `C3` and `SPPF`."""
    assert params(name, given, made, **said) == count


def test_residual_is_resnets_basic_block():
    theirs = torchvision.models.resnet.BasicBlock(8, 8).eval()
    ours = copied(theirs, build("residual", 8, 8, **RESNET))
    x = torch.randn(2, 8, 7, 5)
    torch.testing.assert_close(ours(x), theirs(x))


def test_bottleneck_is_resnets():
    theirs = torchvision.models.resnet.Bottleneck(32, 8).eval()
    ours = copied(theirs, build("bottleneck", 32, 32, **RESNET))
    x = torch.randn(2, 32, 7, 5)
    torch.testing.assert_close(ours(x), theirs(x))


def test_a_residual_block_that_is_activated_first_leaves_its_sum_as_it_is():
    block = build("residual", 8, 8, act="relu")
    for unit in block[0].branch:
        nn.init.zeros_(unit.conv.weight)
    x = torch.randn(2, 8, 7, 5)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("identity", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("norm", [True, False])
def test_rep_folds_into_one_convolution(identity, bias, norm):
    block = build("rep", 8, 8, n=2, identity=identity, bias=bias, norm=norm)
    fold_norms(block)
    weights = [tuple(p.shape) for p in block.parameters()]
    assert weights == [(8, 8, 3, 3), (8,)] * 2


def test_rep_has_no_identity_where_channels_differ():
    assert build("rep", 8, 6)[0].same is None
    assert params("rep", 8, 6) == params("rep", 8, 6, identity=False)


def test_deformable_starts_as_half_a_convolution():
    block = build("deformable", 8, 6, kernel=5, act="none", bias=False, norm=False)
    x = torch.randn(2, 8, 7, 9)
    half = F.conv2d(x, block.conv.weight, padding=2) / 2
    torch.testing.assert_close(block(x), half, rtol=1e-4, atol=1e-5)


def test_deformable_goes_where_its_offsets_say():
    """One cell down and two to the right, wholly let through."""
    block = build("deformable", 8, 8, kernel=1, act="none", norm=False)
    with torch.no_grad():
        block.offsets.bias.copy_(torch.tensor([1.0, 2.0, 100.0]))
    x = torch.randn(2, 8, 7, 9)
    moved = F.pad(x, (0, 2, 0, 1))[:, :, 1:, 2:]
    torch.testing.assert_close(block(x), block.conv(moved), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rate", [1, 2, 6])
def test_dilated_sees_cells_at_its_rate(rate):
    block = build("dilated", 8, 8, rate=rate, act="none")
    x = torch.zeros(1, 8, 15, 15)
    other = x.clone()
    other[:, :, 7, 7] = 1
    rows = (block(x) != block(other)).any(1)[0].any(1).nonzero().flatten().tolist()
    assert rows == [7 - rate, 7, 7 + rate]


def test_spp_pools_over_5_9_and_13_cells():
    block = build("spp", 8, 8)
    x = torch.randn(2, 8, 20, 15)
    inner = block[0](x)
    pools = [inner] + [F.max_pool2d(inner, size, 1, size // 2) for size in (5, 9, 13)]
    torch.testing.assert_close(block(x), block[1].last(torch.cat(pools, 1)))


def test_csp_joins():
    x = torch.randn(2, 8, 6, 6)
    concat, every, add = (build("csp", 8, 8, n=3, join=join) for join in ("concat", "all", "add"))
    assert concat.last.conv.in_channels == 8
    assert every.last.conv.in_channels == 4 * 4
    assert add.last.conv.in_channels == 4
    assert isinstance(build("csp", 8, 8, hidden=1.0, join="add").last, nn.Identity)
    worked = concat.blocks[2](concat.blocks[1](concat.blocks[0](concat.worked(x))))
    expected = concat.last(torch.cat((concat.passed(x), worked), 1))
    torch.testing.assert_close(concat(x), expected)


def test_attention_is_torchs_with_places_in_queries_and_keys():
    block = build("attention", 16, 16, heads=4)
    theirs = nn.MultiheadAttention(16, 4, batch_first=True)
    with torch.no_grad():
        rows = [block.query, block.key, block.value]
        theirs.in_proj_weight.copy_(torch.cat([row.weight for row in rows]))
        theirs.out_proj.weight.copy_(block.out.weight)
    x = torch.randn(2, 16, 5, 7)
    cells = x.flatten(2).transpose(1, 2)
    placed = cells + _places(5, 7, 16)
    seen, _ = theirs(placed, placed, cells)
    cells = F.layer_norm(cells + seen, (16,))
    cells = F.layer_norm(cells + block.narrow(F.gelu(block.widen(cells))), (16,))
    expected = cells.transpose(1, 2).unflatten(2, (5, 7))
    torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-5)


def _places(height, width, channels):
    """Cell by cell: sines and cosines of the row, then of the column."""
    quarter = channels // 4
    waves = [10000 ** (-i / quarter) for i in range(quarter)]
    cells = []
    for row in range(height):
        for column in range(width):
            turns = torch.tensor([[at * wave for wave in waves] for at in (row, column)])
            cells.append(
                torch.cat((turns[0].sin(), turns[0].cos(), turns[1].sin(), turns[1].cos()))
            )
    return torch.stack(cells)


@pytest.mark.parametrize("channels", [1, 3, 10])
def test_attention_takes_channels_that_its_heads_do_not_divide(channels):
    x = torch.randn(2, channels, 3, 4)
    assert build("attention", channels, channels, heads=8)(x).shape == x.shape


def test_nonlocal_starts_as_nothing_and_is_its_formula():
    block, x = build("nonlocal", 8, 8), torch.randn(2, 8, 5, 7)
    assert torch.equal(block(x), x)
    nn.init.xavier_uniform_(block.out.weight)
    query, key, value = (layer(x).flatten(2) for layer in (block.query, block.key, block.value))
    weights = (query.transpose(1, 2) @ key).softmax(-1)
    expected = x + block.out((value @ weights.transpose(1, 2)).unflatten(2, (5, 7)))
    torch.testing.assert_close(block(x), expected)


def test_se_is_torchvisions():
    theirs = torchvision.ops.SqueezeExcitation(32, 2)
    ours = copied(theirs, build("se", 32, 32))
    x = torch.randn(2, 32, 7, 5)
    torch.testing.assert_close(ours(x), theirs(x))


def test_act_is_an_activation_behind_a_norm_or_none():
    x = torch.randn(2, 8, 5, 7)
    assert torch.equal(build("act", 8, 8, act="relu")(x), F.relu(x))
    block = build("act", 8, 8, act="relu", norm=True).train()
    torch.testing.assert_close(block(x), F.relu(F.batch_norm(x, None, None, training=True)))
    assert params("act", 8, 8, act="relu", norm=True) == 16


def test_dyrelu_without_a_decision_is_a_relu():
    block, x = build("dyrelu", 8, 8), torch.randn(2, 8, 5, 7)
    nn.init.zeros_(block.squeeze.second.weight)
    torch.testing.assert_close(block(x), F.relu(x))


def test_ratio_pool_of_one_cell_is_the_mean_everywhere():
    block, x = build("ratio_pool", 8, 6), torch.randn(2, 8, 19, 7)
    expected = block.conv(x.mean((2, 3), True)).expand(-1, -1, 19, 7)
    torch.testing.assert_close(block(x), expected)


def test_aspp_learns_from_a_single_image():
    """Its mean is one cell: a norm there would have nothing to compare it with."""
    block = build("aspp", 8, 8).train()
    assert block(torch.randn(1, 8, 5, 7)).isfinite().all()


def test_first_values():
    """Layers glorot-uniform and without bias; what must start at zero does."""
    attention, deformable = build("attention", 64, 64), build("deformable", 64, 64)
    weight = attention.widen.weight
    assert weight.abs().max() <= (6 / (64 + 256)) ** 0.5
    assert weight.std().item() == pytest.approx((2 / (64 + 256)) ** 0.5, rel=0.05)
    assert not attention.widen.bias.any()
    assert not deformable.offsets.weight.any()
    assert not deformable.offsets.bias.any()
    assert deformable.conv.weight.any()


def test_meaning_of_a_convolution_is_what_it_was():
    """Digests of graphs are made of it."""
    args = (("kernel", 3), ("act", "silu"), ("order", "act_conv_norm"), ("bias", True))
    op = Op("conv", (*args, ("norm", True)))
    assert facts.BLOCKS.get("conv").meaning(op, 1) == ("conv", *args, ("norm", True))
    plain = Op("conv", (("kernel", 3), ("act", "none"), *args[2:], ("norm", True)))
    expected = ("conv", ("kernel", 3), ("act", "none"), ("bias", True), ("norm", True))
    assert facts.BLOCKS.get("conv").meaning(plain, 1) == expected
