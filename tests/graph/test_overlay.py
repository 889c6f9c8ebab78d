"""Fields laid over a tree."""

import pytest

from harness.errors import SpecError
from harness.graph import expand, parse, with_fields

TREE = {
    "rows": {"out": {"from": ["in", "in.finer"]}},
    "fuse": {"weighted": "fast"},
    "projection": "auto",
}


def test_the_tree_itself_stays_as_it_is():
    changed = with_fields(TREE, {"rows.out.from.1": "in.coarser", "repeats": 2})
    assert changed["rows"]["out"]["from"] == ["in", "in.coarser"]
    assert TREE["rows"]["out"]["from"] == ["in", "in.finer"]
    assert "repeats" not in TREE


def test_short_forms_open_on_the_way():
    changed = with_fields(
        TREE,
        {
            "fuse.weighted.per": "channel",
            "projection.per": "input",
            "block.conv.kernel": 5,
            "rows.out.up": "nearest",
        },
    )
    assert changed["fuse"] == {"weighted": {"norm": "fast", "per": "channel"}}
    assert changed["projection"] == {"when": "auto", "per": "input"}
    assert changed["block"] == {"conv": {"kernel": 5}}
    node = expand(parse(changed)).nodes[-1]
    assert (node.fuse["norm"], node.fuse["per"], node.block["kernel"]) == ("fast", "channel", 5)


def test_an_op_by_name_opens_too():
    assert with_fields({"block": "sepconv"}, {"block.sepconv.kernel": 5}) == {
        "block": {"sepconv": {"kernel": 5}}
    }


def test_plus_adds_to_a_list_that_may_not_be_there_yet():
    once = with_fields(TREE, {"rewrites.+": {"set_fuse": "sum"}})
    twice = with_fields(once, {"rewrites.+.set_block": "none"})
    assert twice["rewrites"] == [{"set_fuse": "sum"}, {"set_block": "none"}]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("levels.n", "levels.n: levels has no fields: it is 'p3..p5'"),
        ("rows.out.from.7", "rows.out.from.7: rows.out.from has places 0 to 1"),
        ("rows.out.from.first", "rows.out.from.first: rows.out.from has places 0 to 1"),
        ("rows.", "rows.: is not a path"),
    ],
)
def test_paths_that_lead_nowhere(path, message):
    with pytest.raises(SpecError) as caught:
        with_fields({**TREE, "levels": "p3..p5"}, {path: 1})
    assert str(caught.value) == message
