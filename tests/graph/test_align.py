"""Outputs of other widths, brought to one."""

from harness.graph import aligned, check, digest, expand, infer, parse

CHANNELS = {3: 40, 4: 112, 5: 320}
WIDE = {
    "levels": "p3..p5",
    "rows": {"out": {"from": "in", "channels": {"p3": "1x", "p4": "2x", "p5": "4x"}}},
}


def test_every_output_gets_a_convolution_to_the_width():
    graph = aligned(expand(parse(WIDE)))
    facts = infer(graph, channels=CHANNELS, width=16, image_size=128)
    assert [(level, facts.node(key).channels) for level, key in graph.outputs] == [
        (3, 16),
        (4, 16),
        (5, 16),
    ]
    assert dict(graph.outputs)[4] == "p4_even@2"
    # weights, a bias and a norm's scale and offset
    assert facts.node("p4_even@2").params == 32 * 16 + 16 + 32


def test_a_network_of_one_width_stays_as_it_is():
    graph = expand(parse({"rows": {"out": {"from": "in"}}}))
    assert aligned(graph) is graph


def test_a_bare_concat_is_aligned_too():
    tree = {"rows": {"out": {"from": ["in", "in.finer"], "fuse": "concat", "block": "none"}}}
    assert not check(tree)
    graph = expand(parse(tree))
    assert digest(aligned(graph)) != digest(graph)
