"""A space of topologies from what a study says of it."""

from dataclasses import replace
from pathlib import Path

from harness.errors import Fault, SpecError
from harness.graph.spec import Topology
from harness.search.topologies.base import AbstractTopologySpace
from harness.search.topologies.merging_cells import MergingCells
from harness.search.topologies.mutations import Mutations
from harness.space.topology_space import (
    MergingCellsStudy,
    MutationsStudy,
    TopologySpaceStudy,
    by_word,
)
from harness.space.zoo import load_topology, said_topology


def space_of(said: TopologySpaceStudy, beside: Path | None = None) -> AbstractTopologySpace:
    """The space. beside: the folder of the study, whose topologies it may name.

    A `SpecError` says what is wrong with the topology it starts from, at `mutations.of`.
    """
    if said.merging_cells is not None:
        return _merging_cells(said.merging_cells)
    assert said.mutations is not None
    return _mutations(said.mutations, beside)


def _merging_cells(said: MergingCellsStudy) -> MergingCells:
    return MergingCells(
        span=said.levels,
        cells=said.cells,
        fuses=by_word(said.fuses),
        blocks=by_word(said.blocks),
        inner_levels=said.inner,
        conventions=said.conventions,
        repeats=said.repeats,
    )


def _mutations(said: MutationsStudy, beside: Path | None) -> Mutations:
    ops = {"fuse": said.fuses, "block": said.blocks, "up": said.ups, "down": said.downs}
    try:
        topology = _topology(said, beside)
        return Mutations(
            topology, said.steps, {k: by_word(v) for k, v in ops.items() if v}, said.levels
        )
    except SpecError as error:
        raise SpecError([_told(fault) for fault in error.faults]) from None


def _topology(said: MutationsStudy, beside: Path | None) -> Topology:
    if isinstance(said.of, str):
        return load_topology(said.of, beside=beside)
    return said_topology(said.of, beside=beside or Path())


def _told(fault: Fault) -> Fault:
    at = "mutations.of"
    return fault if fault.file else replace(fault, path=f"{at}.{fault.path}" if fault.path else at)
