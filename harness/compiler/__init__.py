"""Graph -> `FeatureNetwork`: a torch module that runs as straight-line code one can read."""

from collections.abc import Mapping

from harness.compiler.network import FeatureNetwork
from harness.errors import SpecError
from harness.graph import expand
from harness.graph.spec import Graph, Topology

__all__ = ["FeatureNetwork", "compile"]


def compile(
    topology: Topology | Graph,
    *,
    channels: Mapping[str, int],
    width: int,
    repeats: int | None = None,
    seed: int = 0,
) -> FeatureNetwork:
    """Build the module a topology (or an expanded graph) means.

    channels: of the backbone's maps, by name (`{"p3": 40, ...}`); more maps than needed may be
    given. width: channels of the maps inside. repeats: of a topology's cell, if not its own.
    seed: first values are a function of it and of the graph's meaning. Under
    `torch.device("meta")` nothing is allocated.
    """
    if isinstance(topology, Graph):
        if repeats is not None:
            raise SpecError("repeats are written out in a graph already; give the topology instead")
        return FeatureNetwork(topology, channels, width, seed)
    return FeatureNetwork(expand(topology, repeats=repeats), channels, width, seed)
