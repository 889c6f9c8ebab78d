"""Which node of one graph is which node of another.

First those that are the same to the digest; then those of one name, repeat and level; then those
that compute the same from the backbone's maps; and last those at one level that read, and are read
by, mostly the same.
"""

from collections import Counter
from collections.abc import Hashable

from harness.graph.identity import node_digests
from harness.graph.labels import EdgeLabels, NodeLabels
from harness.graph.spec import Graph, Node

ENOUGH = 0.75
"""Of the likeness of two nodes, so that they are one node changed and not two."""


def matched(a: Graph, b: Graph) -> dict[str, str]:
    """Keys of b's nodes by those of a's; backbone maps are themselves."""
    pairs = {f"p{level}": f"p{level}" for level in a.inputs if level in b.inputs}
    for words in (_digests, _names, _made):
        _pair(pairs, words(a), words(b))
    _by_likeness(pairs, a, b)
    return pairs


Words = dict[str, Hashable]
"""Something said of each node, by its key."""


def _pair(pairs: dict[str, str], a: Words, b: Words) -> None:
    """Pair what one word in either graph stands for, where both are still free."""
    counts_a, counts_b = Counter(a.values()), Counter(b.values())
    there = {word: key for key, word in b.items() if counts_b[word] == 1}
    taken = set(pairs.values())
    for key, word in a.items():
        other = there.get(word)
        if counts_a[word] == 1 and other is not None and key not in pairs and other not in taken:
            pairs[key] = other


def _digests(graph: Graph) -> Words:
    return dict(node_digests(graph))


def _names(graph: Graph) -> Words:
    return {node.key: (node.name, node.repeat, node.level) for node in graph.nodes}


def _made(graph: Graph) -> Words:
    """What each node computes, whatever reads it."""
    nodes, edges = NodeLabels(), EdgeLabels(graph)
    found: Words = {}
    for node in graph.nodes:
        reads = [(edges(edge, node), found.get(edge.source, edge.source)) for edge in node.inputs]
        found[node.key] = hash((nodes(node, []), tuple(sorted(map(str, reads)))))
    return found


def _by_likeness(pairs: dict[str, str], a: Graph, b: Graph) -> None:
    """The likest two first, again and again, until none are like enough."""
    readers_a, readers_b = _readers(a), _readers(b)
    while True:
        taken = set(pairs.values())
        left_a = [node for node in a.nodes if node.key not in pairs]
        left_b = [node for node in b.nodes if node.key not in taken]
        scores = [
            (_likeness(one, other, pairs, readers_a, readers_b), -i, -j)
            for i, one in enumerate(left_a)
            for j, other in enumerate(left_b)
            if one.level == other.level
        ]
        best = max(scores, default=None)
        if best is None or best[0] < ENOUGH:
            return
        pairs[left_a[-best[1]].key] = left_b[-best[2]].key


def _readers(graph: Graph) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {node.key: set() for node in graph.nodes}
    for node in graph.nodes:
        for edge in node.inputs:
            found.setdefault(edge.source, set()).add(node.key)
    for level, key in graph.outputs:
        found[key].add(f"output p{level}")
    return found


def _likeness(
    one: Node,
    other: Node,
    pairs: dict[str, str],
    readers_a: dict[str, set[str]],
    readers_b: dict[str, set[str]],
) -> float:
    reads = {pairs.get(edge.source, "") for edge in one.inputs}
    read_by = {pairs.get(key, key if key[:7] == "output " else "") for key in readers_a[one.key]}
    same_ops = (one.fuse == other.fuse) + (one.block == other.block)
    return (
        _overlap(reads, {edge.source for edge in other.inputs})
        + _overlap(read_by, readers_b[other.key])
        + same_ops / 8
        + (one.repeat == other.repeat) / 8
    )


def _overlap(one: set[str], other: set[str]) -> float:
    both = one | other
    return len((one & other) - {""}) / len(both) if both else 0.0
