"""All outputs of a network at one width, for heads that are shared by all levels."""

from dataclasses import replace

from harness.graph.faults import Faults
from harness.graph.ops import BLOCKS, read_op
from harness.graph.spec import Edge, Graph, Node, Norm, Op, Projection


def aligned(graph: Graph) -> Graph:
    """The graph with a 1x1 convolution and norm on every output, where outputs differ in channels.

    A graph whose outputs all have the width stays as it is. The new nodes are one repeat more.
    """
    made = {node.key: node for node in graph.nodes}
    if all(key in made and made[key].channels == 1.0 for _, key in graph.outputs):
        return graph
    block = read_op(BLOCKS, {"conv": {"kernel": 1, "act": "none"}}, "", Faults())
    assert block is not None
    repeat = 1 + max((node.repeat for node in graph.nodes), default=0)
    nodes = [_end(level, key, repeat, block) for level, key in graph.outputs]
    outputs = tuple((node.level, node.key) for node in nodes)
    return replace(graph, nodes=(*graph.nodes, *nodes), outputs=outputs)


def _end(level: int, source: str, repeat: int, block: Op) -> Node:
    edge = Edge(source, Projection(when="none"))
    return Node(f"p{level}_even", repeat, level, (edge,), Op("sum"), block, Norm())
