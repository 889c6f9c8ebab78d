"""Spaces of topologies: draws of whole networks, each a tree of the graph language."""

from harness.search.topologies.base import AbstractTopologySpace, Pick, random_pick
from harness.search.topologies.making import space_of
from harness.search.topologies.merging_cells import MergingCells
from harness.search.topologies.mutations import Mutations

__all__ = [
    "AbstractTopologySpace",
    "MergingCells",
    "Mutations",
    "Pick",
    "random_pick",
    "space_of",
]
