"""Facts and modules are two tables of the same names and arguments."""

import inspect
import keyword

import pytest

from harness.graph import Op
from harness.graph import ops as facts
from harness.ops.block import BLOCKS
from harness.ops.fuse import FUSES, Inputs
from harness.ops.resample import COPIES, RESAMPLES

PAIRS = {
    "fuse": (facts.FUSES, FUSES, 1),
    "resample": (facts.RESAMPLES, RESAMPLES, 2),
    "block": (facts.BLOCKS, BLOCKS, 3),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_every_fact_has_its_module_and_every_module_its_facts(kind):
    described, made, _ = PAIRS[kind]
    assert sorted(described.names()) == sorted(made.names())
    assert set(RESAMPLES.names()) >= COPIES


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in PAIRS for name in PAIRS[kind][0].names()]
)
def test_arguments_of_a_module_are_those_of_its_facts(kind, name):
    described, made, given = PAIRS[kind]
    if kind == "resample" and inspect.isclass(made.get(name)):
        given = 4  # channels in and out, constants, stride
    takes = list(inspect.signature(made.get(name)).parameters)[given:]
    said = [arg.name for arg in described.get(name).args]
    assert takes == [f"{arg}_" if keyword.iskeyword(arg) else arg for arg in said]


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("per", ["scalar", "channel"])
def test_a_weighted_fuse_has_the_parameters_its_facts_declare(per, frozen):
    args = {"norm": "fast", "per": per, "eps": 1e-4, "frozen": frozen}
    fuse = FUSES.get("weighted")(Inputs((None, None, None), 8), **args)
    spec = facts.FUSES.get("weighted")
    declared = spec.params(Op("weighted", tuple(args.items())), facts.Shape(8, 8, 3))
    assert sum(p.numel() for p in fuse.parameters()) == declared
    assert "weights" in fuse.state_dict()
