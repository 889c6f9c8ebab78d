"""Spaces of topologies: draws of whole networks, each a tree of the graph language."""

from harness.topology_spaces.base import AbstractTopologySpace, Pick, random_pick
from harness.topology_spaces.making import space_of
from harness.topology_spaces.merging_cells import MergingCells
from harness.topology_spaces.mutations import Mutations

__all__ = [
    "AbstractTopologySpace",
    "MergingCells",
    "Mutations",
    "Pick",
    "random_pick",
    "space_of",
]
