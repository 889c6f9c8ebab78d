"""The JSON Schemas hold what the readers hold: every word of the tables, and no other."""

import copy
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from harness.door.schemas import schema_of
from harness.errors import SpecError
from harness.graph import check
from harness.graph.conventions import CONVENTIONS
from harness.graph.extras import EXTRA_FIELDS
from harness.graph.families import INPUT_FIELDS, NODE_FIELDS, ROW_FIELDS
from harness.graph.ops import BLOCKS, FUSES, RESAMPLES
from harness.graph.parse import FIELDS
from harness.graph.read import NORM, PROJECTION
from harness.graph.rewrites import REWRITES
from harness.graph.schema import ABOUT
from harness.graph.stages import REPEATS_FIELDS, STAGE_FIELDS
from harness.space.load import read_text, read_yaml
from harness.space.study import StudySpec

ROOT = Path(__file__).parents[2]
TOPOLOGIES = sorted((ROOT / "harness" / "topologies").glob("*.yaml"))
STUDIES = sorted((ROOT / "search_spaces").glob("*.yaml"))
TOPOLOGY = schema_of("topology")
VALID = Draft202012Validator(TOPOLOGY)
STUDY = Draft202012Validator(schema_of("study"))


def right(tree) -> bool:
    return VALID.is_valid(tree)


def in_node(**fields):
    return {"nodes": {"a": {"level": "p3", "from": "p3", **fields}}}


def properties(name):
    """Fields of a definition, or of the mapping among its forms."""
    found = TOPOLOGY["$defs"][name]
    forms = found.get("anyOf", [found])
    return set().union(*(form.get("properties", {}) for form in forms))


def test_the_schemas_are_schemas():
    for kind in ("topology", "study"):
        Draft202012Validator.check_schema(schema_of(kind))


@pytest.mark.parametrize("file", TOPOLOGIES, ids=lambda file: file.stem)
def test_every_shipped_topology_is_right(file):
    assert [error.message for error in VALID.iter_errors(read_yaml(file).tree)] == []


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_every_shipped_study_is_right(file):
    assert [error.message for error in STUDY.iter_errors(read_yaml(file).tree)] == []


def test_every_field_that_a_reader_accepts_is_known():
    assert set(TOPOLOGY["properties"]) == set(FIELDS)
    assert properties("row") == set(ROW_FIELDS)
    assert properties("node") == set(NODE_FIELDS)
    assert properties("input") == set(INPUT_FIELDS)
    assert properties("stage") == set(STAGE_FIELDS)
    assert properties("extra") == set(EXTRA_FIELDS)
    assert properties("repeats") == set(REPEATS_FIELDS)
    assert properties("projection") == {arg.name for arg in PROJECTION}
    assert properties("norm") == {arg.name for arg in NORM}


def test_every_field_is_explained():
    fields = {*FIELDS, *ROW_FIELDS, *NODE_FIELDS, *INPUT_FIELDS, *STAGE_FIELDS, *EXTRA_FIELDS}
    assert {*fields, *REPEATS_FIELDS} == set(ABOUT)


@pytest.mark.parametrize("kind", ["fuse", "block", "up", "down"])
def test_every_op_with_every_argument_is_right(kind):
    table = {"fuse": FUSES, "block": BLOCKS}.get(kind, RESAMPLES)
    for name in table.names():
        spec = table.get(name)
        if spec.directions and kind not in spec.directions:
            assert not right(in_node(**{kind: name})), name
            continue
        args = {arg.name: arg.default for arg in spec.args}
        spelled = [name, {name: None}, {name: args}]
        spelled += [{name: spec.args[0].default}] if spec.args else []
        for arg in spec.args:
            values = arg.choices or {"flag": (True, False), "whole": (1, 3)}.get(arg.kind, (0.5,))
            spelled += [{name: {arg.name: value}} for value in values]
            wrong = {"choice": "nothing", "flag": "yes", "whole": 0, "positive": -1}[arg.kind]
            assert not right(in_node(**{kind: {name: {arg.name: wrong}}})), (name, arg.name)
        if len(spec.args) > 1:
            first, second, *_ = spec.args
            spelled.append({name: first.default, second.name: second.default})
        for value in spelled:
            assert right(in_node(**{kind: value})), value
            assert right({"rows": {"a": {"from": "in", kind: {"p3..p4": value}}}}), value
        assert not right(in_node(**{kind: {name: {"kernell": 3}}})), name


def test_every_convention_and_rewrite_is_known():
    for name in CONVENTIONS.names():
        assert right({"conventions": name, "rows": {}})
    for name in REWRITES.names():
        value = "sum" if name == "set_fuse" else "conv" if name == "set_block" else "bilinear"
        rewrite = {name: value} if name.startswith("set_") else name
        assert right({"derive": {"from": "panet", "rewrites": [rewrite]}}), name
    assert not right({"derive": {"from": "panet", "rewrites": ["drop_singel_input"]}})


def test_an_op_that_is_registered_later_is_known():
    with BLOCKS.temporary("their_own", BLOCKS.get("conv")):
        later = Draft202012Validator(schema_of("topology"))
    assert later.is_valid(in_node(block={"their_own": 5}))
    assert not right(in_node(block={"their_own": 5}))


SHORT = """
repeats: 3
repeats: {n: 3, weights: shared, each: {rows.td.block.conv: [1, 3]}}
levels: [3, 7]
levels: p2..p5
extra: {down: subsample, first: {projection: none, down: {x2: [max_pool, {conv: 1}]}}}
projection: always
derive: panet
rewrites: drop_single_input
taps: {early: a}
down: {x2: strided_conv, x4: [max_pool, strided_conv]}
up: [{conv: 1}, nearest]
block: null
block: identity
fuse: {weighted: {norm: fast, eps: 1e-5}}
""".strip().splitlines()


@pytest.mark.parametrize("line", SHORT)
def test_short_forms_are_right(line):
    assert right({"rows": {"td": {"from": "in"}}, **read_text(line)}), line


MISSPELT = """
rowz: {}
repeats: 0
repeats: {times: 3}
levels: p3-p7
projection: {wen: auto}
extra: {down: nearest}
conventions: effdet
rewrites: [{set_fuse: summ}]
outputs: {p3x: a}
norm: {epsilon: 1}
down: {x3: max_pool}
down: conv
block: {conv: {kernel: 2}}
rows: {td: {form: in}}
rows: {in: {from: in}}
rows: {p4: {from: in}}
rows: {td: {from: [in, td coarser]}}
rows: {td: {from: [in, {form: td}]}}
rows: {td: {from: [in, {from: td, tap: bevor}]}}
rows: {td: {from: in, channels: 2 x}}
rows: {td: {from: in, order: downwards}}
nodes: {a: {level: p333, from: p3}}
stages: [{extra: {down: subsample}, td: {from: in}}]
stages: [{td: {form: in}}]
stages: []
""".strip().splitlines()


@pytest.mark.parametrize("line", MISSPELT)
def test_what_the_reader_refuses_is_refused(line):
    tree = read_text(line)
    base = {} if tree.keys() & {"rows", "nodes", "stages"} else {"rows": {"td": {"from": "in"}}}
    assert check({**base, **tree}), line
    assert not right({**base, **tree}), line


def _paths(tree, at=()):
    """Paths of all mappings' keys."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        if isinstance(tree, dict):
            yield (*at, key)
        if isinstance(value, dict | list):
            yield from _paths(value, (*at, key))


@pytest.mark.parametrize("name", ["bifpn", "nas_fpn", "gold_yolo", "unet_pp"])
def test_a_field_that_the_reader_does_not_know_is_refused(name):
    """Each key of a file misspelt in turn: what the reader calls unknown, the schema refuses."""
    tree = read_yaml(ROOT / "harness" / "topologies" / f"{name}.yaml").tree
    lookup = {file.stem: file for file in TOPOLOGIES}
    told = 0
    for path in _paths(tree):
        wrong = copy.deepcopy(tree)
        inner = wrong
        for step in path[:-1]:
            inner = inner[step]
        inner[f"{path[-1]}x"] = inner.pop(path[-1])
        faults = check(wrong, lookup=lambda name: read_yaml(lookup[name]).tree)
        if any("unknown field" in fault.message for fault in faults):
            told += 1
            assert not right(wrong), path
    assert told


def test_the_language_reference_is_right():
    """Every example of the reference that holds nothing but fields, of a file or of a node."""
    text = (ROOT / "docs" / "language.md").read_text()
    right_ones = 0
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        try:
            tree = read_text(block.replace("{...}", "{}"))
        except SpecError:  # two spellings of one field under each other
            continue
        if set(tree) <= set(FIELDS):
            for key, value in tree.items():
                of_file = {key: value} if key == "stages" else {"rows": {}, key: value}
                assert right(of_file) or right(in_node(**{key: value})), (key, value)
            right_ones += 1
    assert right_ones >= 2


def test_a_study_says_its_own_fields_and_a_topologys():
    study = read_yaml(ROOT / "search_spaces" / "fusion.yaml").tree
    network = {"topology": "bifpn", "fuse": "sum", "rows.out.fuse": {"weighted": "softmax"}}
    for path, value, is_right in (
        ("feature_network", network, True),
        ("feature_network", {**network, "fuze": "sum"}, False),
        ("feature_network", {**network, "fuse": "summ"}, False),
        ("feature_network", {**network, "rowz.out.fuse": "sum"}, False),
        ("head", {"width": "tied", "depth": 2}, True),
        ("head", {"widht": "tied"}, False),
    ):
        model = {**study["model"], path: value}
        assert STUDY.is_valid({**study, "model": model}) == is_right, (path, value)
    for path, is_right in (
        ("model.feature_network.nodes.p4_out.from", True),
        ("model.feature_network.repeats", True),
        ("model.head.width", True),
        ("model.head.widht", False),
        ("modle.head.width", False),
    ):
        assert STUDY.is_valid({"vary": {path: [1, 2]}}) == is_right, path
        assert STUDY.is_valid({"arms": {"a": {path: 1}}}) == is_right, path
    assert not STUDY.is_valid({"profiles": {"laptop": {"recipee": {}}}})
    assert not STUDY.is_valid({"limits": {"parms": 1e6}})
    assert set(StudySpec.model_fields) <= set(STUDY.schema["properties"])


def test_a_study_may_say_a_whole_topology():
    topology = {"rows": {"out": {"from": "in", "fuse": {"weighted": "fast"}}}}
    for value, is_right in (
        (topology, True),
        ({"rowss": topology["rows"]}, False),
        ({**topology, "fuse": "smu"}, False),
        ({}, False),
        (3, False),
    ):
        assert STUDY.is_valid({"model": {"feature_network": {"topology": value}}}) == is_right
