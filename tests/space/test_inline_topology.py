"""A study may say a whole topology where it may name one."""

from pathlib import Path

import pytest

from harness.errors import SpecError
from harness.graph import digest, expand, from_tree
from harness.search import grid
from harness.space.bind import Choice, bind
from harness.space.names import topology_name
from harness.space.profiles import load_study
from harness.space.zoo import load_topology

STUDY = """\
question: Which network?
model:
  image_size: 64
  backbone: {name: lcnet_050}
  feature_network:
    width: 16
    repeats: 1
    topology:
      name: mine
      rows:
        td: {order: down, skip_first: true, from: [in, td.coarser | in.coarser]}
        out: {order: up, skip_first: true, from: [in, td, out.finer | td.finer]}
      fuse: {weighted: fast}
  head: {depth: 1}
"""
NAMED = STUDY.partition("    topology:")[0] + "    topology: bifpn\n  head: {depth: 1}\n"
PATH = "model.feature_network.topology"


@pytest.fixture
def bound(tmp_path, facts):
    """The trial of a study's text and a choice."""

    def read(text: str, choice: Choice | None = None):
        file = tmp_path / "t.yaml"
        file.write_text(text)
        return bind(load_study(file), choice or Choice("base"), 0, facts)

    return read


@pytest.fixture
def said(bound):
    """The faults of it, files by their names."""

    def read(text: str, choice: Choice | None = None):
        with pytest.raises(SpecError) as caught:
            bound(text, choice)
        return [str(f.at(Path(f.file).name, f.line) if f.file else f) for f in caught.value.faults]

    return read


def test_a_topology_said_outright_is_the_trial_of_the_same_network_by_name(bound):
    assert bound(STUDY).id == bound(NAMED).id


def test_the_studys_own_fields_lie_over_it(bound):
    over = STUDY.replace("    width: 16\n", "    width: 16\n    fuse: sum\n")
    assert bound(over).id == bound(NAMED.replace("    width", "    fuse: sum\n    width")).id
    more = STUDY.replace("    repeats: 1\n", "    repeats: 2\n")
    assert bound(more).id == bound(NAMED.replace("repeats: 1", "repeats: 2")).id
    assert bound(more).id != bound(STUDY).id


def test_it_may_derive_from_the_zoo_and_from_a_file_beside_the_study(bound, tmp_path):
    derived = "    topology: {derive: {from: bifpn}, fuse: {weighted: softmax}}\n"
    text = NAMED.replace("    topology: bifpn\n", derived)
    own = NAMED.replace("    width", "    fuse: {weighted: softmax}\n    width")
    assert bound(text).id == bound(own).id
    (tmp_path / "topologies").mkdir()
    (tmp_path / "topologies" / "mine.yaml").write_text("derive: bifpn\nfuse: {weighted: softmax}\n")
    assert bound(text.replace("from: bifpn", "from: mine")).id == bound(own).id


WRONG = [
    ("td, out.finer | td.finer]", "tdd, out.finer | td.finer]", 12,
     "rows.out.from: no node 'tdd'; did you mean 'td'?"),
    ("{weighted: fast}", "{weigthed: fast}", 13, "fuse: no fuse 'weigthed'; did you mean "
     "'weighted'?"),
    ("order: up", "ordr: up", 12, "rows.out.ordr: unknown field 'ordr'; did you mean 'order'?"),
    ("      fuse: {weighted: fast}", "      fuze: sum", 13,
     "fuze: unknown field 'fuze'; did you mean 'fuse'?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "wanted"), WRONG)
def test_a_fault_stands_at_its_line_in_the_study(said, old, new, line, wanted):
    found = said(STUDY.replace(old, new))
    assert f"t.yaml:{line}  {PATH}.{wanted}" in found
    assert all(fault.startswith(("t.yaml:11", "t.yaml:12", "t.yaml:13")) for fault in found)


def test_what_is_neither_a_name_nor_a_topology_is_told_so(said):
    assert f"t.yaml:8  {PATH}: should be a valid string, or a mapping, not 3" in said(
        NAMED.replace("topology: bifpn", "topology: 3")
    )
    assert said(NAMED.replace("topology: bifpn", "topology: {}")) == [
        f"t.yaml:8  {PATH}: a topology needs 'rows', 'nodes', 'stages' or 'derive'"
    ]


def test_an_unknown_base_is_told_with_the_nearest(said):
    text = NAMED.replace("topology: bifpn", "topology: {derive: bifnp}")
    assert f"t.yaml:8  {PATH}.derive.from: no topology 'bifnp'; did you mean 'bifpn'?" in said(text)


ARMS = """\
vary:
  model.feature_network.topology:
    - bifpn
    - name: flat
      rows:
        out: {from: [in, in.all]}
    - rows:
        out: {from: [in, in.finer]}
"""


def test_an_axis_takes_topologies_by_name_and_outright(bound):
    text = NAMED.replace("    topology: bifpn\n", "    topology: fpn\n") + ARMS
    values = ["bifpn", {"name": "flat", "rows": {"out": {"from": ["in", "in.all"]}}},
              {"rows": {"out": {"from": ["in", "in.finer"]}}}]  # fmt: skip
    trials = [bound(text, Choice("base", {}, {PATH: value})) for value in values]
    assert len({trial.id for trial in trials}) == 3
    assert trials[0].id == bound(NAMED).id
    flat = from_tree(trials[1].model.feature_network.graph)
    assert digest(flat) == digest(expand(load_topology("fully_connected"), repeats=1))
    names = [trial.model.feature_network.graph["name"] for trial in trials[1:]]
    assert names == ["flat", topology_name(values[2])]
    assert names[1].startswith("unnamed_")


def test_a_fault_of_an_axis_stands_at_the_line_of_its_value(said):
    text = NAMED + ARMS.replace("in.finer", "in.fner")
    value = {"rows": {"out": {"from": ["in", "in.fner"]}}}
    assert said(text, Choice("base", {}, {PATH: value})) == [
        f"t.yaml:17  {PATH}.rows.out.from: no step 'fner' in 'in.fner'; did you mean 'finer'?"
    ]


def test_a_fault_of_an_arm_stands_at_its_line(said):
    arms = (
        "arms:\n  plain: {}\n  odd:\n    model.feature_network.topology:\n"
        "      rows:\n        out:\n          from: [in, in.fner]\n"
    )
    value = {"rows": {"out": {"from": ["in", "in.fner"]}}}
    assert said(NAMED + arms, Choice("odd", {PATH: value})) == [
        f"t.yaml:16  arms.odd.{PATH}.rows.out.from: no step 'fner' in 'in.fner'; "
        "did you mean 'finer'?"
    ]


def test_a_profile_replaces_it_whole(bound, tmp_path):
    text = STUDY + (
        "profiles:\n  laptop:\n    model:\n      feature_network:\n"
        "        topology: {rows: {out: {from: [in, in.all]}}}\n"
    )
    flat = expand(load_topology("fully_connected"), repeats=1)
    assert digest(from_tree(bound(text).model.feature_network.graph)) == digest(flat)


def test_networks_of_a_search_are_not_all_kept(bound, monkeypatch):
    from harness.space import complete

    monkeypatch.setattr(complete, "_KEPT", 2)
    monkeypatch.setattr(complete, "_GRAPHS", {})
    for eps in range(1, 6):
        bound(STUDY.replace("{weighted: fast}", f"{{weighted: {{eps: {eps}.0e-3}}}}"))
    assert len(complete._GRAPHS) == 2


def test_topologies_of_one_name_on_one_axis_are_a_fault(said):
    other = ARMS + "    - name: flat\n      rows:\n        out: {from: [in]}\n"
    path = f"vary.{PATH}"
    assert said(NAMED + other) == [
        f"t.yaml:18  {path}.3: another topology of this axis is called 'flat': say another `name`"
    ]


def test_the_grid_calls_them_by_their_names(tmp_path):
    file = tmp_path / "t.yaml"
    file.write_text(NAMED + ARMS)
    unnamed = topology_name({"rows": {"out": {"from": ["in", "in.finer"]}}})
    arms = [choice.arm for choice in grid(load_study(file).spec)]
    assert arms == ["topology bifpn", "topology flat", f"topology {unnamed}"]
