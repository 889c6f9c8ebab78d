"""What a study says of a space of topologies, and what is wrong with it, told at its place."""

import pytest

from harness.errors import SpecError
from harness.space.load import read_text
from harness.space.overlay import Placed
from harness.space.topology_space import TopologySpaceStudy, word_of
from harness.space.validate import validated


def read(text: str) -> TopologySpaceStudy:
    return validated(TopologySpaceStudy, Placed(read_text(text), {}))


def test_the_papers_space_is_the_default():
    said = read("merging_cells: {}").merging_cells
    assert (said.levels, said.cells, said.fuses, said.inner) == ((3, 7), 7, ("sum", "gate"), (4, 7))
    assert (said.conventions, said.blocks, said.repeats) == ("nas_fpn", (), 1)


def test_levels_are_said_in_either_way():
    for levels in ("p2..p5", "[2, 5]"):
        said = read(f"{{merging_cells: {{levels: {levels}}}}}").merging_cells
        assert said.levels == (2, 5)
        assert TopologySpaceStudy.model_validate_json(
            TopologySpaceStudy(merging_cells=said).model_dump_json()
        ).merging_cells == said  # fmt: skip


def test_mutations_are_of_a_name_or_a_whole_topology():
    assert read("mutations: {of: bifpn, steps: 3}").mutations.of == "bifpn"
    whole = {"rows": {"out": {"from": "in"}}}
    assert read("mutations: {of: {rows: {out: {from: in}}}}").mutations.of == whole


FAULTS = [
    ("merging_cell: {}", "merging_cell: unknown field 'merging_cell'; did you mean "
     "'merging_cells'?"),
    ("{}", "a space is one of merging_cells and mutations"),
    ("{merging_cells: {}, mutations: {of: bifpn}}",
     "a space is one of merging_cells and mutations"),
    ("merging_cells: {cell: 7}",
     "merging_cells.cell: unknown field 'cell'; did you mean 'cells'?"),
    ("merging_cells: {levels: p7..p3}",
     "merging_cells.levels: expected levels such as p3..p7, got 'p7..p3'"),
    ("merging_cells: {levels: p3..p3}",
     "merging_cells: needs at least two levels: a cell joins two maps"),
    ("merging_cells: {cells: 4}",
     "merging_cells: needs at least 5 cells, one a level of p3..p7: there are 4"),
    ("merging_cells: {inner_levels: p2..p4}",
     "merging_cells: inner_levels do not lie within p3..p7"),
    ("merging_cells: {fuses: [sum, atention]}",
     "merging_cells.fuses.1: no fuse 'atention'; there are concat, dynamic, gate, inject, mean, "
     "mul, spatial, sum, weighted"),
    ("merging_cells: {fuses: [{weighted: fsat}]}",
     "merging_cells.fuses.0: expected one of fast, softmax, none, got 'fsat'; did you mean "
     "'fast'?"),
    ("merging_cells: {fuses: [inject]}",
     "merging_cells.fuses.0: inject cannot join any two maps; sum, mean, mul, concat, weighted, "
     "gate, spatial can"),
    ("merging_cells: {fuses: []}", "merging_cells.fuses: needs at least one fuse"),
    ("merging_cells: {fuses: [sum, sum]}", "merging_cells.fuses: 'sum' stands there twice"),
    ("merging_cells: {blocks: [sepcnov]}",
     "merging_cells.blocks.0: no block 'sepcnov'; did you mean 'sepconv'?"),
    ("merging_cells: {conventions: nasfpn}",
     "merging_cells.conventions: no conventions 'nasfpn'; did you mean 'nas_fpn'?"),
    ("mutations: {steps: 2}", "mutations: is missing field 'of'"),
    ("mutations: {of: bifpn, steps: 0}",
     "mutations.steps: should be greater than or equal to 1, not 0"),
    ("mutations: {of: bifpn, ups: [max_pool]}",
     "mutations.ups.0: 'max_pool' does not resample up; nearest, bilinear, deconv, pixel_shuffle, "
     "carafe do"),
    ("mutations: {of: bifpn, fuse: [sum]}",
     "mutations.fuse: unknown field 'fuse'; did you mean 'fuses'?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), FAULTS)
def test_a_fault_names_the_nearest_that_is_right(text, wanted):
    with pytest.raises(SpecError) as caught:
        read(text)
    assert list(map(str, caught.value.faults)) == [wanted]


def test_ops_in_words():
    assert word_of("sum") == "sum"
    assert word_of({"weighted": "fast"}) == "weighted fast"
    assert word_of({"conv": {"kernel": 3, "bias": False}}) == "conv kernel 3 bias false"
