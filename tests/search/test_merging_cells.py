"""NAS-FPN's space of merging cells."""

from collections import Counter
from itertools import product

from harness.graph import digest, expand, parse
from harness.search.topologies import random_pick, space_of
from harness.space.topology_space import MergingCellsStudy, TopologySpaceStudy
from harness.space.zoo import load_topology

NAS_FPN = {
    "cell1": ("p4", "p6", "p4", "gate"),
    "cell2": ("cell1", "p4", "p4", "sum"),
    "cell3": ("cell2", "p3", "p3", "sum"),
    "cell4": ("cell3", "cell2", "p4", "sum"),
    "cell5": ("cell4", "cell3", "p5", "gate"),
    "cell6": ("cell5", "cell2", "p3", "gate"),
    "cell7": ("cell6", "cell5", "p3", "gate"),
}
"""Its picks. After p3, p4 and p5 the place of p3 holds p7, and then p6: the last that is left."""


def space(**said):
    return space_of(TopologySpaceStudy(merging_cells=MergingCellsStudy(**said)))


def picks(cells):
    """A pick by cell: first, second, level, fuse."""
    places = {"first": 0, "second": 1, "level": 2, "fuse": 3}

    def pick(name, options):
        cell, what = name.split(".")
        assert cells[cell][places[what]] in options
        return cells[cell][places[what]]

    return pick


def test_the_published_cell_can_be_drawn():
    graph = expand(parse(space(repeats=5).draw(picks(NAS_FPN))))
    assert digest(graph) == digest(expand(load_topology("nas_fpn")))


def test_what_nothing_has_read_is_added_to_the_output_of_its_level():
    nodes = space().draw(picks(NAS_FPN))["nodes"]
    assert nodes["cell5"]["from"] == ["cell4", "cell3", {"from": "p5", "role": "add"}]
    summed = {**NAS_FPN, "cell5": ("cell4", "cell3", "p5", "sum")}
    assert space().draw(picks(summed))["nodes"]["cell5"]["from"] == ["cell4", "cell3", "p5"]


def test_the_same_again_stands_for_the_newest():
    cells = {**NAS_FPN, "cell2": ("p4", "p4", "p4", "sum")}
    assert space().draw(picks(cells))["nodes"]["cell2"]["from"] == ["p4", "cell1"]


def everything(made):
    """All draws of a space, each way to pick once."""
    options = {}

    def note(name, words):
        options[name] = tuple(words)
        return words[0]

    made.draw(note)
    for words in product(*options.values()):
        picked = dict(zip(options, words, strict=True))
        yield made.draw(lambda name, _words, picked=picked: picked[name])


def test_all_pairs_and_all_orders_of_levels_are_equally_likely():
    trees = list(everything(space(levels=(3, 5), cells=3, fuses=("sum",))))
    pairs = Counter(tuple(tree["nodes"]["cell1"]["from"][:2]) for tree in trees)
    assert len(pairs) == 6
    assert len(set(pairs.values())) == 1
    orders = Counter(tuple(node["level"] for node in tree["nodes"].values()) for tree in trees)
    assert len(orders) == 6
    assert len(set(orders.values())) == 1


def test_cells_before_the_outputs_make_no_map_of_the_finest_level():
    drawn = [space(cells=9).draw(random_pick(seed)) for seed in range(100)]
    inner = [tree["nodes"][f"cell{n}"]["level"] for tree in drawn for n in (1, 2, 3, 4)]
    assert set(inner) == {"p4", "p5", "p6", "p7"}
    wide = [space(cells=9, inner_levels=(3, 3)).draw(random_pick(seed)) for seed in range(10)]
    assert {tree["nodes"]["cell1"]["level"] for tree in wide} == {"p3"}


def test_each_level_comes_out_once_of_the_last_cells():
    for seed in range(50):
        tree = space().draw(random_pick(seed))
        assert sorted(tree["outputs"].values()) == [f"cell{n}" for n in range(3, 8)]
        for level, cell in tree["outputs"].items():
            assert tree["nodes"][cell]["level"] == level


def test_blocks_are_drawn_where_there_are_some():
    tree = space(blocks=("conv", {"sepconv": 5}), conventions="efficientdet").draw(random_pick(1))
    assert tree["conventions"] == "efficientdet"
    assert all(node["block"] in ("conv", {"sepconv": 5}) for node in tree["nodes"].values())
    assert all("block" not in node for node in space().draw(random_pick(1))["nodes"].values())
