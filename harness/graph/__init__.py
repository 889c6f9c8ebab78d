"""The graph language: what a feature network is. Standard library only."""

from harness.graph.align import aligned
from harness.graph.check import check
from harness.graph.draw import to_svg, to_text
from harness.graph.expand import expand
from harness.graph.identity import digest, node_digests
from harness.graph.infer import Inferred, NodeFacts, infer
from harness.graph.overlay import with_fields
from harness.graph.parse import parse
from harness.graph.receptive_field import receptive_field
from harness.graph.spec import Edge, Graph, Node, Norm, Op, Projection, Topology
from harness.graph.tree import from_tree, to_tree

__all__ = [
    "Edge",
    "Graph",
    "Inferred",
    "Node",
    "NodeFacts",
    "Norm",
    "Op",
    "Projection",
    "Topology",
    "aligned",
    "check",
    "digest",
    "expand",
    "from_tree",
    "infer",
    "node_digests",
    "parse",
    "receptive_field",
    "to_svg",
    "to_text",
    "to_tree",
    "with_fields",
]
