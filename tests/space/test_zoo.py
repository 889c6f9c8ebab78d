"""The shipped topologies at their published cost, and the rules by which names are found."""

import pytest

from harness.errors import SpecError
from harness.graph import digest, expand, infer, node_digests, parse, to_text, with_fields
from harness.space.load import read_yaml
from harness.space.zoo import (
    SHIPPED,
    find_topology,
    load_topology,
    topology_names,
    topology_source,
)

FAMILY = {
    "d0": {"channels": (40, 112, 320), "width": 64, "image_size": 512, "repeats": 3},
    "d1": {"channels": (40, 112, 320), "width": 88, "image_size": 640, "repeats": 4},
    "d3": {"channels": (48, 136, 384), "width": 160, "image_size": 896, "repeats": 6},
}
SUM = {"conventions": "efficientdet", "rewrites.+": {"set_fuse": "sum"}}
ORACLE = {
    "fpn_efficientdet": {
        "d0": (124_416, 104_782_848),
        "d1": (246_752, 351_903_200),
        "d3": (979_840, 2_971_783_360),
    },
    "panet": {
        "d0": (197_376, 181_254_144),
        "d1": (422_752, 642_980_800),
        "d3": (1_805_440, 5_682_651_520),
    },
    "simplified_panet": {
        "d0": (168_192, 123_620_352),
        "d1": (352_352, 423_605_600),
        "d3": (1_475_200, 3_639_563_200),
    },
    "nas_fpn": {
        "d0": (160_960, 140_827_648),
        "d1": (327_272, 476_933_600),
        "d3": (1_332_320, 4_057_592_000),
    },
    "fully_connected": {
        "d0": (247_552, 197_057_536),
        "d1": (416_064, 550_149_600),
        "d3": (1_349_120, 3_822_768_320),
    },
    "bifpn": {
        "d0": (196_224, 136_203_264),
        "d1": (390_896, 450_639_200),
        "d3": (1_559_360, 3_755_971_520),
    },
}
NODES_AND_EDGES = {
    "fpn_efficientdet": (5, 9),
    "panet": (10, 18),
    "simplified_panet": (8, 16),
    "fully_connected": (5, 25),
    "nas_fpn": (7, 16),
    "bifpn": (8, 19),
    "qufpn": (21, 48),
    "lateral": (5, 5),
}
WHOLE = {
    "afpn": (27, 47, 702_949),
    "asff": (3, 9, 717_913),
    "aug_fpn": (10, 16, 297_667),
    "auto_fpn": (8, 32, 185_856),
    "bifpn_lite": (26, 59, 196_224),
    "bifpn_p2_p7": (32, 74, 229_960),
    "bifpn_p3_p8": (83, 195, 468_608),
    "bifpn_paddle": (10, 21, 253_971),
    "blazeface": (11, 16, 107_264),
    "carafe_fpn": (5, 8, 365_292),
    "csp_pan": (8, 13, 116_736),
    "custom_csp_pan": (5, 9, 1_505_472),
    "dyhead": (35, 85, 1_154_568),
    "es_pan": (8, 13, 166_464),
    "fpg": (45, 136, 2_583_872),
    "fpn": (5, 8, 179_712),
    "fpn_retinanet": (5, 7, 362_496),
    "fpn_retinanet_google": (10, 12, 215_680),
    "g_frnet": (7, 13, 780_160),
    "gfpn": (137, 418, 2_161_088),
    "gold_yolo": (18, 37, 8_470_784),
    "hrfpn": (6, 9, 216_448),
    "lc_pan": (8, 13, 181_888),
    "libra_bfp": (11, 23, 196_352),
    "m2det": (193, 283, 3_461_600),
    "nas_fcos": (16, 26, 736_964),
    "nas_fpn_mmdet": (51, 114, 1_854_784),
    "opa_fpn": (65, 145, 1_749_091),
    "pafpn": (11, 17, 401_280),
    "rep_bifpan": (8, 14, 4_697_024),
    "rep_gfpn": (5, 12, 2_929_488),
    "rt_detr": (10, 14, 724_160),
    "sepc": (25, 59, 806_144),
    "simple_fpn": (8, 8, 276_912),
    "spinenet": (21, 37, 1_241_856),
    "ttf_fpn": (3, 6, 1_818_257),
    "unet_pp": (12, 22, 3_234_368),
    "yolo_pan": (6, 10, 715_392),
    "yolof": (5, 5, 75_904),
}
"""Nodes and edges of the whole graph, and parameters at width 64 on `CHANNELS`."""
CHANNELS = {2: 24, 3: 40, 4: 112, 5: 320}
OWN_LEVELS = {
    *("aug_fpn", "blazeface", "nas_fcos", "nas_fpn", "nas_fpn_mmdet", "opa_fpn", "simple_fpn"),
    *("spinenet", "ttf_fpn", "unet_pp", "gold_yolo", "m2det"),
}
"""Networks whose originals hold for their own levels alone."""

LAYERS = {
    "afpn": ((256, 512, 1024, 2048), 256, 11_373_445),
    "csp_pan": ((0, 96, 192, 384), 96, 249_600),
    "custom_csp_pan": ((0, 128, 256, 512), 96, 3_417_888),
    "es_pan": ((0, 96, 192, 384), 96, 361_056),
    "lc_pan": ((0, 96, 192, 384), 96, 378_048),
    "m2det": ((0, 512, 1024, 0), 256, 56_270_720),
    "rep_bifpan": ((64, 128, 256, 512), 64, 4_759_488),
    "rep_gfpn": ((0, 128, 256, 512), 128, 11_902_656),
    "rt_detr": ((0, 512, 1024, 2048), 256, 11_950_848),
    "yolo_pan": ((0, 128, 256, 512), 128, 2_834_688),
}
"""Channels of p2 to p5, width, and the parameters of the layers that the authors' code makes then.

YOLOv5s prints its own; those of the others were added up from the code, apart from this package.
"""


def cost(name, model, fields):
    """(params, multiply-adds) of a shipped topology with some fields changed."""
    size = FAMILY[model]
    topology = parse(with_fields(load_topology(name).tree, fields))
    graph = expand(topology, repeats=size["repeats"])
    found = infer(
        graph,
        channels=dict(zip((3, 4, 5), size["channels"], strict=True)),
        width=size["width"],
        image_size=size["image_size"],
    )
    return found.params, found.macs


@pytest.mark.parametrize("model", FAMILY)
@pytest.mark.parametrize("name", ORACLE)
def test_cost_under_one_set_of_conventions_is_exact(name, model):
    assert cost(name, model, SUM) == ORACLE[name][model]


@pytest.mark.parametrize(("model", "params"), [("d0", 196_281), ("d1", 390_972), ("d3", 1_559_474)])
def test_bifpn_as_shipped_has_one_scalar_an_edge(model, params):
    assert cost("bifpn", model, {}) == (params, ORACLE["bifpn"][model][1])


def test_qufpn_weighted_everywhere_without_redundant_bias():
    fields = {"rewrites.+": {"set_fuse": {"weighted": "fast"}}, "bias": False}
    assert cost("qufpn", "d0", fields)[0] == 442_832


def test_lateral_costs_what_fpn_costs():
    assert cost("lateral", "d0", {}) == cost("fpn_efficientdet", "d0", {})
    graph = expand(load_topology("lateral"))
    levels = {one.key: one.level for one in graph.nodes} | {f"p{n}": n for n in graph.inputs}
    cell = [one for one in graph.nodes if one.repeat]
    assert all(levels[edge.source] == one.level for one in cell for edge in one.inputs)


@pytest.mark.parametrize("name", NODES_AND_EDGES)
def test_nodes_and_edges_of_a_cell(name):
    cell = [one for one in expand(load_topology(name)).nodes if one.repeat == 1]
    assert (len(cell), sum(len(one.inputs) for one in cell)) == NODES_AND_EDGES[name]


@pytest.mark.parametrize("name", WHOLE)
def test_nodes_edges_and_parameters_of_a_whole(name):
    graph = expand(load_topology(name))
    channels = {level: CHANNELS[level] for level in graph.inputs}
    params = infer(graph, channels=channels, width=64, image_size=512).params
    edges = sum(len(one.inputs) for one in graph.nodes)
    assert (len(graph.nodes), edges, params) == WHOLE[name]


@pytest.mark.parametrize("name", LAYERS)
def test_parameters_are_those_of_the_authors_layers(name):
    given, width, params = LAYERS[name]
    graph = expand(load_topology(name))
    channels = {level: c for level, c in zip(range(2, 6), given, strict=True) if c}
    assert infer(graph, channels=channels, width=width, image_size=640).params == params


@pytest.mark.parametrize(("columns", "edges"), [(13, 351), (21, 632)])
def test_gfpn_has_the_edges_that_giraffedets_code_makes(columns, edges):
    graph = expand(load_topology("gfpn"), repeats=columns)
    read = [len(one.inputs) for one in graph.nodes if one.name.endswith(("_mix", "_out"))]
    assert (len(read), sum(read)) == (5 * columns + 5, edges)


def test_bifpn_of_the_largest_is_as_effdet_counts_it():
    graph = expand(load_topology("bifpn_p3_p8"))
    channels = {3: 80, 4: 224, 5: 640}
    assert infer(graph, channels=channels, width=384, image_size=1536).params == 13_112_064


@pytest.mark.parametrize("name", topology_names())
def test_every_file_says_where_it_is_from_and_holds_for_any_levels(name):
    tree = read_yaml(SHIPPED / f"{name}.yaml").tree
    assert tree["name"] == name
    assert all(len(tree[key]) >= len("Nothing.") for key in ("source", "published", "inferred"))
    topology = load_topology(name)
    assert topology.source == tree["source"]
    graph = expand(topology, repeats=2 if topology.repeats > 1 else None)
    assert len(set(node_digests(graph).values())) == len(graph.nodes)
    assert to_text(graph).startswith(name)
    for levels in [] if name in OWN_LEVELS else [(2, 7), (3, 8), (3, 4)]:
        assert len(expand(topology, levels=levels).outputs) == levels[1] - levels[0] + 1


def test_all_are_there_and_all_differ():
    assert topology_names() == tuple(sorted(NODES_AND_EDGES | WHOLE))
    graphs = [expand(load_topology(name)) for name in topology_names()]
    assert len({digest(graph) for graph in graphs}) == len(graphs)
    sums = [parse(with_fields(load_topology(name).tree, SUM)) for name in NODES_AND_EDGES]
    assert len({digest(expand(one, repeats=3)) for one in sums}) == 8


def unet_pp(columns):
    """UNet++ of any depth, in the words of its file."""
    wide = {f"p{level}": f"{2 ** (level - 2)}x" for level in range(2, columns + 2)}
    rows = {}
    for j in range(1, columns + 1):
        family = {"levels": f"p2..p{columns + 2 - j}", "channels": wide}
        above = "in.coarser" if j == 1 else f"x{j - 1}.coarser"
        before = ["in", *(f"x{i}" for i in range(1, j))]
        rows[f"mix{j}"] = {**family, "from": [*before, {"from": above, "channels": wide}]}
        rows[f"x{j}"] = {**family, "from": f"mix{j}"}
    tree = dict(load_topology("unet_pp").tree)
    taps = {"early": "p2_x1", "middle": "p2_x2"}
    return expand(parse({**tree, "inputs": f"p2..p{columns + 2}", "rows": rows, "taps": taps}))


def test_unet_pp_is_as_its_authors_count_it():
    assert digest(unet_pp(3)) == digest(expand(load_topology("unet_pp")))
    given = dict(zip(range(2, 7), (32, 64, 128, 256, 512), strict=True))
    nested = infer(unet_pp(4), channels=given, width=32, image_size=512).params
    backbone = sum(9 * (c // 2 if c > 32 else 1) * c + 9 * c * c + 2 * c for c in given.values())
    assert nested + backbone + (32 + 1) == 9_041_601


def test_nas_fpn_as_published():
    graph = expand(load_topology("nas_fpn"))
    nodes = {one.key: one for one in graph.nodes}
    assert [(edge.source, edge.role) for edge in nodes["p7_out@1"].inputs] == [
        ("p5_out@1", "gate"),
        ("n2@1", "gated"),
        ("p7@0", "add"),
    ]
    assert [(edge.source, edge.role) for edge in nodes["p6_out@5"].inputs] == [
        ("p5_out@5", "gated"),
        ("p7_out@5", "gate"),
    ]
    assert nodes["n1@1"].block["act"] == "relu"
    channels = {3: 512, 4: 1024, 5: 2048}
    found = infer(graph, channels=channels, width=256, image_size=640)
    laterals = sum(channels.values()) * 256 + 3 * 3 * 256
    assert found.params == laterals + 5 * 7 * (9 * 256 * 256 + 3 * 256)


# Names.

OWN = "rows: {out: {from: [in, in.finer]}}\n"


@pytest.fixture
def study(tmp_path):
    (tmp_path / "topologies").mkdir()
    (tmp_path / "topologies" / "mine.yaml").write_text(OWN)
    return tmp_path


def message(call, *args, **options):
    with pytest.raises(SpecError) as caught:
        call(*args, **options)
    return str(caught.value)


def test_names_are_looked_up_beside_the_study_then_in_its_folder_then_in_the_package(study):
    assert load_topology("mine", beside=study).name == "mine"
    (study / "mine.yaml").write_text("name: nearer\n" + OWN)
    assert load_topology("mine", beside=study).name == "nearer"
    assert load_topology("bifpn", beside=study) is load_topology("bifpn")
    assert find_topology("bifpn", beside=study) == SHIPPED / "bifpn.yaml"
    assert "mine" in topology_names(study)
    assert load_topology(study / "mine.yaml").name == "nearer"
    assert load_topology(str(study / "mine.yaml")).name == "nearer"


def test_an_unknown_name_gives_the_nearest(study):
    assert message(load_topology, "bifnp") == "no topology 'bifnp'; did you mean 'bifpn'?"
    assert message(load_topology, "mien", beside=study) == (
        "no topology 'mien'; did you mean 'mine'?"
    )


@pytest.mark.parametrize("name", ["../mine", "/etc/mine", "a/../mine", "..", "topologies/mine", ""])
def test_a_name_in_a_study_cannot_lead_out_of_its_folders(study, name):
    assert message(load_topology, name, beside=study / "topologies") == (
        f"{name!r} is not the name of a topology: a name is one word"
    )


def test_a_file_that_hides_a_shipped_name_is_an_error(study):
    hidden = study / "topologies" / "bifpn.yaml"
    hidden.write_text(OWN)
    expected = f"{hidden}  hides the shipped topology 'bifpn'; give it another name"
    assert message(load_topology, "bifpn", beside=study) == expected
    assert message(load_topology, str(hidden)) == expected


def test_faults_of_a_file_have_its_lines(study):
    file = study / "bad.yaml"
    file.write_text("rows:\n  td:\n    order: dwn\n    from: [in, td.corser]\nfuse: smu\n")
    assert message(load_topology, "bad", beside=study).splitlines() == [
        f"{file}:5  fuse: no fuse 'smu'; did you mean 'sum'?",
        f"{file}:4  rows.td.from: no step 'corser' in 'td.corser'; did you mean 'coarser'?",
        f"{file}:3  rows.td.order: expected one of down, up, none, got 'dwn'; did you mean 'down'?",
    ]


def test_a_file_derives_from_its_neighbours_and_from_the_zoo(study):
    own = study / "topologies" / "own.yaml"
    own.write_text("derive: {from: mine, rewrites: [{set_fuse: mean}]}\nrepeats: 2\n")
    assert expand(load_topology("own", beside=study)).nodes[-1].fuse.name == "mean"
    own.write_text("derive: {from: bifpn}\nfuse: sum\nrepeats: 3\n")
    assert digest(expand(load_topology("own", beside=study))) == digest(
        expand(parse(with_fields(load_topology("bifpn").tree, {"fuse": "sum"})))
    )
    own.write_text("repeats: 3\nderive: {from: bifnp}\n")
    assert message(load_topology, "own", beside=study) == (
        f"{own}:2  derive.from: no topology 'bifnp'; did you mean 'bifpn'?"
    )
    own.write_text("derive: own\n")
    assert message(load_topology, "own", beside=study) == (
        f"{own}:1  derive.from: derives from itself: own > own"
    )


def test_the_source_of_a_topology_gives_lines_to_later_faults():
    source = topology_source("bifpn")
    assert source.file.endswith("topologies/bifpn.yaml")
    assert source.line("derive.rewrites.1") == source.line("derive")
