"""Roles of inputs: what the file says, then what levels tell, else what is missing."""

import pytest

from harness.graph import Op
from harness.graph.ops import FUSES


def assign(name, *entrants):
    return FUSES.get(name).assign(Op(name), entrants)


@pytest.mark.parametrize(
    ("entrants", "roles"),
    [
        ([(4, None)], ["middle"]),
        ([(5, None), (3, None), (4, None)], ["coarser", "finer", "middle"]),
        ([(4, "middle"), (3, None)], ["middle", "finer"]),
        ([(5, None), (4, "middle")], ["coarser", "middle"]),
        ([(3, "finer"), (4, None)], ["finer", "middle"]),
        ([(3, None), (4, "middle"), (6, None)], ["finer", "middle", "coarser"]),
        ([(4, "middle"), (4, "finer"), (4, None)], ["middle", "finer", "coarser"]),
        ([(5, "finer"), (4, "middle"), (3, "coarser")], ["finer", "middle", "coarser"]),
    ],
)
def test_dynamic(entrants, roles):
    assert assign("dynamic", *entrants) == roles


@pytest.mark.parametrize(
    "entrants",
    [
        [(3, None), (4, None)],
        [(4, None), (4, None), (4, None)],
        [(4, "middle"), (4, None)],
        [(4, "middle"), (4, "middle")],
        [(3, "finer"), (4, "coarser")],
    ],
)
def test_dynamic_needs_to_be_told(entrants):
    assert assign("dynamic", *entrants) == (
        "dynamic needs one input that is the middle, and at most one finer and one coarser; "
        "levels do not tell which is which here: say role: middle"
    )


@pytest.mark.parametrize("said", [("local", "gate", "global"), ("local", None, "global")])
def test_inject(said):
    assert assign("inject", *((4, role) for role in said)) == ["local", "gate", "global"]


@pytest.mark.parametrize(
    "said", [(None, None, None), ("local", None, None), ("local", "local", "gate")]
)
def test_inject_needs_to_be_told(said):
    assert assign("inject", *((4, role) for role in said)) == (
        "inject needs one input that is local, one gate and one global; say the role of each"
    )
