"""The text table and the picture of a graph, on graphs made here."""

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from typing import Any

import pytest

from harness.graph import expand, infer, parse
from harness.graph.about import About, about_topology
from harness.graph.canvas import Canvas
from harness.graph.draw import to_svg, to_text
from harness.graph.layout import lay_out
from harness.graph.spec import Edge, Graph, Node, Norm, Op, Projection

SVG = "{http://www.w3.org/2000/svg}"
SUM = Op("sum")
FAST = Op("weighted", (("norm", "fast"), ("eps", 1e-4)))
BLOCK = Op("sepconv", (("kernel", 3),))
BLOCK_1 = Op(
    "conv",
    (("kernel", 1), ("act", "silu"), ("order", "act_conv_norm"), ("bias", True), ("norm", True)),
)
UP, DOWN = Op("nearest"), Op("max_pool", (("kernel", "stride"),))


def edge(source: str, level: int, **more: Any) -> Edge:
    """From a source whose name begins with its level."""
    at = int(source[1])
    path = (UP,) if at > level else (DOWN,) if at < level else ()
    return Edge(source, Projection(), **{"path": path, **more})


def node(name: str, level: int, *sources: str | Edge, repeat: int = 1, fuse: Op = FAST) -> Node:
    edges = [one if isinstance(one, Edge) else edge(one, level) for one in sources]
    return Node(name, repeat, level, tuple(edges), fuse, BLOCK, Norm())


def bifpn(repeats: int = 1) -> Graph:
    """BiFPN over p3..p7 with p6 and p7 made from p5."""
    nodes = [node("p6", 6, "p5", repeat=0), node("p7", 7, "p6@0", repeat=0)]
    ins = {3: "p3", 4: "p4", 5: "p5", 6: "p6@0", 7: "p7@0"}
    for r in range(1, repeats + 1):
        above = ins[7]
        td = {}
        for level in (6, 5, 4):
            nodes.append(node(f"p{level}_td", level, ins[level], above, repeat=r))
            above = td[level] = nodes[-1].key
        out = {}
        nodes.append(node("p3_out", 3, ins[3], td[4], repeat=r))
        out[3] = nodes[-1].key
        for level in (4, 5, 6, 7):
            middle = [td[level]] if level in td else []
            sources = (ins[level], *middle, out[level - 1])
            nodes.append(node(f"p{level}_out", level, *sources, repeat=r))
            out[level] = nodes[-1].key
        ins = out
    return Graph("bifpn", (3, 4, 5), tuple(nodes), tuple(sorted(ins.items())))


def dense(columns: int = 21) -> Graph:
    """A log2n network: each node also reads the same level 1, 2, 4, ... columns back."""
    nodes: list[Node] = []
    history: dict[int, list[str]] = {level: [f"p{level}"] for level in range(3, 8)}
    for column in range(1, columns + 1):
        made = {}
        for level in range(3, 8):
            back = [2**k for k in range(6) if 2**k <= len(history[level])]
            sources = [history[level][-k] for k in back]
            sources += [history[n][-1] for n in (level - 1, level + 1) if n in history]
            nodes.append(node(f"p{level}_c{column}", level, *sources))
            made[level] = nodes[-1].key
        for level, key in made.items():
            history[level].append(key)
    outputs = tuple((level, history[level][-1]) for level in range(3, 8))
    return Graph("log2n", (3, 4, 5, 6, 7), tuple(nodes), outputs)


@dataclass
class Facts:
    key: str
    level: int
    channels: int
    height: int
    width: int
    params: int
    macs: int


class Measured:
    """Stands in for `infer`: every node has 100 params and 1,000 multiply-adds."""

    def __init__(self, graph: Graph) -> None:
        self.nodes = {
            n.key: Facts(n.key, n.level, 64, 512 >> n.level, 512 >> n.level, 100, 1000)
            for n in graph.nodes
        }
        self.projected: frozenset[tuple[str, int]] = frozenset()
        self.params, self.macs = 100 * len(self.nodes), 1000 * len(self.nodes)

    def node(self, key: str) -> Facts:
        return self.nodes[key]


def test_text_has_a_row_a_node_with_shape_cost_and_share() -> None:
    graph = bifpn()
    text = to_text(graph, Measured(graph), {3: 99, 7: None})
    rows = {line.split()[0]: line for line in text.splitlines() if line}
    for item in graph.nodes:
        assert "64 x" in rows[item.key]
        assert "1,000" in rows[item.key]
        assert "10.0%" in rows[item.key]
    assert "weighted fast" in rows["p5_td@1"]
    assert "sepconv 3x3" in rows["p5_td@1"]
    assert rows["total"].split() == ["total", "1,000", "10,000"]
    assert "output p3 = p3_out@1   sees 99 x 99 px" in text
    assert "output p7 = p7_out@1   sees the whole image" in text


def test_text_columns_are_aligned() -> None:
    graph = bifpn()
    lines = to_text(graph, Measured(graph)).splitlines()
    rule = next(line for line in lines if line.startswith("---"))
    table = lines[lines.index(rule) - 1 : lines.index(rule) + 1 + len(graph.nodes)]
    assert len({len(line) for line in table}) == 1


def test_text_without_costs_shows_the_structure() -> None:
    text = to_text(bifpn())
    assert "params" not in text
    assert "10 nodes, 21 edges, 1 repeat; reads p3, p4, p5" in text


STAGES = {
    "name": "staged",
    "approximates": "Half of it.",
    "levels": "p3..p5",
    "stages": [
        {"lat": {"from": "in", "block": {"conv": 1}, "share": "one"}},
        {
            "td": {"order": "down", "from": ["lat", {"from": "td.coarser", "tap": "before"}]},
            "out": {
                "order": "up",
                "from": ["td", "in", {"from": "out.finer", "down": "strided_conv"}],
                "channels": {"p5": 2},
            },
            "repeats": 2,
        },
    ],
    "taps": {"middle": "p4_td"},
}


def staged() -> tuple[Graph, About]:
    topology = parse(STAGES)
    return expand(topology), about_topology(topology)


def test_text_says_stages_edges_taps_and_what_is_left_out() -> None:
    graph, about = staged()
    text = to_text(graph, infer(graph, channels={3: 8, 4: 8, 5: 8}, width=8, image_size=64),
                   None, about)  # fmt: skip
    lines = text.splitlines()
    assert lines[0] == "staged: 15 nodes, 29 edges, 2 stages, 2 repeats; reads p3, p4, p5"
    assert "an approximation: Half of it." in lines
    titles = [line.split(":")[0] for line in lines if line.startswith("[")]
    assert titles == [
        "[stage 1 (lat)",
        "[stage 2 (td, out), repeat 1 of 2",
        "[stage 2 (td, out), repeat 2 of 2",
    ]
    rows = {line.split()[0]: line for line in lines if "@" in line}
    assert "p5_td@2 (before)" in rows["p4_td@2"]
    assert "p3_out@2 (strided_conv 3x3)" in rows["p4_out@2"]
    assert "conv 1x1 silu, weights of p3_lat@1" in rows["p4_lat@1"]
    assert "16 x 2 x 2" in rows["p5_out@3"]
    assert "tap middle = p4_td@3" in lines


def test_svg_says_stages_edges_taps_and_what_is_left_out() -> None:
    graph, about = staged()
    svg = to_svg(graph, None, None, about)
    for said in (
        "stage 2 (td, out), repeat 1 of 2",
        "an approximation: Half of it.",
        ">middle</text>",
        ">2x</text>",
        "fn-dot-down",
        "up n",
        " before",
        "same number: one set of weights",
    ):
        assert said in svg, said


def test_many_inputs_take_several_lines() -> None:
    graph = dense()
    text = to_text(graph)
    assert max(map(len, text.splitlines())) < 140
    assert all(node.key in text for node in graph.nodes)


def test_edges_over_nodes_have_lanes_where_they_are_many() -> None:
    """Lanes of sources whose edges run beside each other differ."""
    canvas = Canvas(lay_out(dense()))
    assert canvas.lanes
    ends = {
        source: max(canvas.layout.columns[k.target] for k in canvas.skips if k.source == source)
        for source in canvas.lanes
    }
    for one, lane in canvas.lanes.items():
        for other in canvas.lanes:
            start, same = canvas.layout.columns, canvas.layout.levels
            beside = start[one] < start[other] <= ends[one] and same[one] == same[other]
            assert not beside or lane != canvas.lanes[other]
    assert not Canvas(lay_out(bifpn(3))).lanes


def pairs(columns: int) -> Graph:
    """In each column a node of each level and one that only that node feeds."""
    nodes: list[Node] = []
    ins = {level: f"p{level}" for level in range(3, 8)}
    for column in range(1, columns + 1):
        for level in range(3, 8):
            above = [f"p{level - 1}_b@{column}"] if level > 3 else []
            nodes.append(node(f"p{level}_a", level, ins[level], *above, repeat=column))
            nodes.append(node(f"p{level}_b", level, nodes[-1].key, repeat=column))
        ins = {level: f"p{level}_b@{column}" for level in range(3, 8)}
    return Graph("pairs", (3, 4, 5, 6, 7), tuple(nodes), tuple(sorted(ins.items())))


def test_in_a_large_graph_a_node_stands_beside_its_only_input() -> None:
    assert lay_out(pairs(2)).width == 13
    large = lay_out(pairs(7))
    assert large.width == 8
    assert large.columns["p5_b@3"] == large.columns["p5_a@3"] + 0.5 == 3.5
    root = ET.fromstring(to_svg(pairs(7)))
    places = [(box.attrib["x"], box.attrib["y"]) for box in root.iter(f"{SVG}rect")
              if box.attrib.get("rx") == "7"]  # fmt: skip
    assert len(places) == len(set(places)) == 75


def test_two_edges_from_one_source_are_drawn_beside_each_other() -> None:
    twice = node("a", 3, "p3", replace(edge("p3", 3), tap="after", path=(BLOCK_1,)))
    graph = Graph("twice", (3,), (twice,), ((3, "a@1"),))
    paths = [p.attrib["d"] for p in ET.fromstring(to_svg(graph)).iter(f"{SVG}path")
             if "edge" in p.attrib.get("class", "") and "h22" not in p.attrib["d"]]  # fmt: skip
    assert len(paths) == len(set(paths)) == 2


def test_what_an_output_sees_stands_at_its_end() -> None:
    graph = bifpn()
    root = ET.fromstring(to_svg(graph, None, dict.fromkeys(range(3, 8), 99)))
    said = [text for text in root.iter(f"{SVG}text") if text.text == "sees 99 px a side"]
    right = max(float(box.attrib["x"]) for box in root.iter(f"{SVG}rect") if "x" in box.attrib)
    assert len(said) == 5
    assert all(float(text.attrib["x"]) > right for text in said)


def test_inputs_are_made_before_what_reads_them() -> None:
    for graph in (bifpn(3), dense()):
        layout = lay_out(graph)
        for link in layout.links:
            start, end = layout.columns[link.source], layout.columns[link.target]
            rows = [layout.rows[layout.levels[key]] for key in (link.source, link.target)]
            assert start < end or (start == end and abs(rows[0] - rows[1]) == 1)


def test_no_two_nodes_share_a_place() -> None:
    for graph in (bifpn(3), dense()):
        layout = lay_out(graph)
        places = [(layout.columns[key], layout.levels[key]) for key in layout.columns]
        assert len(places) == len(set(places)) == len(graph.inputs) + len(graph.nodes)


def test_bifpn_stands_in_its_classic_columns() -> None:
    layout = lay_out(bifpn(2))
    assert {layout.columns[f"p{level}_td@1"] for level in (4, 5, 6)} == {1}
    assert {layout.columns[f"p{level}_out@1"] for level in range(3, 8)} == {2}
    assert {layout.columns[f"p{level}_out@2"] for level in range(3, 8)} == {4}
    assert layout.columns["p6@0"] == layout.columns["p7@0"] == 0
    assert layout.repeats == ((1, 1, 2), (2, 3, 4))
    assert list(layout.rows) == [7, 6, 5, 4, 3]


def test_kinds_of_edges() -> None:
    kinds = {(link.source, link.target): link.kind for link in lay_out(bifpn()).links}
    assert kinds["p5", "p5_td@1"] == "same"
    assert kinds["p5", "p5_out@1"] == "skip"
    assert kinds["p6_td@1", "p5_td@1"] == "up"
    assert kinds["p3_out@1", "p4_out@1"] == "down"


@pytest.mark.parametrize("graph", [bifpn(), bifpn(5), dense()], ids=["one", "five", "log2n"])
def test_svg_draws_every_node_and_edge_inside_its_frame(graph: Graph) -> None:
    root = ET.fromstring(to_svg(graph, Measured(graph)))
    width, height = (float(root.attrib[name]) for name in ("width", "height"))
    boxes = [group.find(f"{SVG}rect") for group in root.iter(f"{SVG}g")]
    assert len(boxes) == len(graph.inputs) + len(graph.nodes)
    for box in boxes:
        assert box is not None
        assert 0 < float(box.attrib["x"]) < width - float(box.attrib["width"])
        assert 0 < float(box.attrib["y"]) < height - float(box.attrib["height"])
    edges = [
        path
        for path in root.iter(f"{SVG}path")
        if path.attrib.get("marker-end") and "h22" not in path.attrib["d"]
    ]
    assert len(edges) == sum(len(item.inputs) for item in graph.nodes)
    assert not math.isnan(width)


def test_names_are_text_never_markup() -> None:
    evil = "<script>alert(1)</script>"
    nodes = (node(evil, 3, "p3"),)
    graph = Graph(evil, (3,), nodes, ((3, nodes[0].key),))
    svg = to_svg(graph)
    root = ET.fromstring(svg)
    assert "<script" not in svg
    assert any(evil in (item.text or "") for item in root.iter(f"{SVG}title"))


def test_drawing_twice_gives_the_same_characters() -> None:
    assert to_svg(bifpn(3)) == to_svg(bifpn(3))
    assert to_text(bifpn(3)) == to_text(bifpn(3))


def test_an_edge_over_columns_crosses_no_box() -> None:
    """p3 reaches p5_b two columns on: it runs along p5's free row, not through p4_a."""
    nodes = (
        node("p4_a", 4, "p4"),
        node("p4_b", 4, "p4_a@1"),
        node("p5_b", 5, "p4_a@1", "p3"),
        node("p5_c", 5, "p5_b@1", "p4_b@1", "p3"),
    )
    outputs = ((4, "p4_b@1"), (5, "p5_c@1"))
    root = ET.fromstring(to_svg(Graph("hop", (3, 4, 5), nodes, outputs)))
    paths = [p.attrib["d"] for p in root.iter(f"{SVG}path") if "edge" in p.attrib.get("class", "")]
    assert any("H" in path and "C" in path for path in paths)


def test_every_topology_of_the_zoo_can_be_drawn() -> None:
    from harness.graph import expand
    from harness.space.zoo import load_topology, topology_names

    assert "bifpn" in topology_names()
    for name in topology_names():
        graph = expand(load_topology(name))
        layout = lay_out(graph)
        places = [(layout.columns[key], layout.levels[key]) for key in layout.columns]
        assert len(places) == len(set(places)), name
        ET.fromstring(to_svg(graph))
        assert name in to_text(graph)


def row(text: str, key: str) -> str:
    return next(line for line in text.splitlines() if line.split()[:1] == [key])


def test_edges_with_a_projection_are_marked_where_it_is_known() -> None:
    from harness.space.zoo import load_topology

    graph = expand(load_topology("bifpn"), repeats=1)
    facts = infer(graph, channels={3: 40, 4: 64, 5: 320}, width=64, image_size=512)
    assert facts.projected == {("p6@0", 0), ("p5_td@1", 0), ("p3_td@1", 0), ("p5_out@1", 2)}
    text, svg = to_text(graph, facts), to_svg(graph, facts)
    assert " p5 (1x1), p6_td@1 " in row(text, "p5_td@1")
    assert " p4, p5_td@1 " in row(text, "p4_td@1")
    assert "p5 to p5_td@1 (1x1)" in svg
    assert "weighted (fast, scalar) of p5 (1x1), p6_td@1" in svg
    assert svg.count('marker-end="url(#fn-dot-') == 4 + 1
    for drawn in (to_text(graph), to_svg(graph)):
        assert "1x1" not in drawn
        assert "url(#fn-dot-" not in drawn


def test_projections_are_those_that_are_compiled() -> None:
    from harness.compiler.plan import make_plan
    from harness.space.zoo import load_topology, topology_names

    for name in topology_names():
        graph = expand(load_topology(name))
        channels = {level: 8 * level for level in graph.inputs}
        plan = make_plan(graph, {f"p{level}": n for level, n in channels.items()}, 16)
        built = {(s.key, t.position) for s in plan.steps for t in s.terms if t.project is not None}
        assert infer(graph, channels=channels, width=16, image_size=64).projected == built, name


def test_ops_that_are_said_stand_together_in_a_node() -> None:
    """Most fuses are one, most blocks another; where inputs meet they are never together."""
    plain = replace(node("d", 3, "p3"), block=BLOCK_1)
    nodes = (
        node("a", 3, "p3", "p4"),
        node("b", 3, "p3", "p4"),
        plain,
        replace(plain, name="e"),
        replace(plain, name="f"),
    )
    graph = Graph("odd", (3, 4), nodes, ((3, "f@1"),))
    said = "fuse: weighted (fast), then sepconv 3x3"
    assert to_text(graph).splitlines()[1].startswith(said)
    assert ">conv 1x1</text>" in to_svg(graph)


def test_where_nothing_meets_nothing_is_said_of_fusion() -> None:
    graph = Graph("line", (3,), (node("a", 3, "p3"),), ((3, "a@1"),))
    assert to_text(graph).splitlines()[1] == "block: sepconv 3x3"
    bare = replace(graph, nodes=(replace(graph.nodes[0], block=Op("none")),))
    assert to_text(bare).splitlines()[1] == ""


def test_gates_are_marked_and_their_roles_not_said_twice() -> None:
    gate = Op("gate", (("from", "coarser"), ("pool", "max")))
    edges = (edge("p3", 3, role="gated"), edge("p4", 3, role="gate"))
    graph = Graph("gated", (3, 4), (node("a", 3, *edges, fuse=gate),), ((3, "a@1"),))
    assert to_text(graph).splitlines()[1].startswith("fuse: gate (max), then sepconv")
    assert ">gate</text>" in to_svg(graph)


def test_an_op_has_the_number_that_it_is_told_by() -> None:
    from harness.graph.wording import brief_label, op_label, short_label

    tree = {"rows": {"a": {"from": "in", "block": {"csp": {"hidden": 0.25}}}}}
    csp = expand(parse(tree)).nodes[-1].block
    assert short_label(Op("dilated", (("rate", 2), ("hidden", 0.25)))) == "dilated rate 2"
    assert op_label(Op("dilated", (("rate", 4), ("hidden", 0.25)))) == "dilated (rate 4)"
    assert brief_label(csp) == "csp 3x3 n 1"
    assert short_label(csp).startswith("csp 3x3 n 1 hidden 0.25")


def test_what_it_is_drawn_with_is_a_line() -> None:
    sizes = "width 64; image 512 x 512"
    assert to_text(bifpn(), sizes=sizes).splitlines()[2] == sizes
    assert f">{sizes}</text>" in to_svg(bifpn(), sizes=sizes)
