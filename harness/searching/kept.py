"""The winner of a search over graphs as a topology file, to be had without the search.

It says where it came from, and whether the zoo has it already. It holds all that the study says of
the graph (its own fields, repeats), so that the file alone is the network that was trained.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.errors import SpecError
from harness.files import write_whole
from harness.graph import Graph, digest, expand, from_tree, parse
from harness.graph.overlay import with_fields
from harness.search import Asked
from harness.searching.found import Found, finished, winner
from harness.searching.screen import Screen
from harness.searching.setting import search_of
from harness.space.found import known_as, topology_file
from harness.space.search_faults import TOPOLOGY
from harness.space.study import Study
from harness.studies import study_path

FILE = "found.yaml"


@dataclass(frozen=True, slots=True)
class FoundNetwork:
    """What was found, and its file."""

    name: str
    digest: str
    """Of the graph (`harness.graph.digest`)."""
    known_as: str | None
    """The topology that is this network, in the zoo or beside the study, if any is."""
    proposal: int
    trial: str
    """Its id in the ledger, by the search's first seed."""
    text: str
    """The topology file."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def found_network(study: Study, history: Sequence[Asked], gate: Screen) -> FoundNetwork | None:
    """None where the study searches no graphs, or nothing was trained to its end."""
    search = search_of(study)
    best = winner(history, search.objectives) if search.topology is not None else None
    screened = gate(best.asked.proposal) if best is not None else None
    if best is None or screened is None or not screened.specs:
        return None
    spec = screened.specs[0]
    graph = from_tree(spec.model.feature_network.graph)
    known = known_as(graph, beside=study.folder)
    note = _note(study, history, best, known)
    said = _said(study, best.asked.proposal.choice.values[TOPOLOGY], graph)
    name = str(best.asked.proposal.choice.values[TOPOLOGY]["name"])
    text = topology_file(said, note, name=name)
    return FoundNetwork(name, digest(graph), known, best.number, spec.id, text)


def found_path(results: Path, study: str, profile: str) -> Path:
    """Beside the study's own file, in a folder of the profile."""
    return study_path(results, study, profile).with_suffix("") / FILE


def write_found(results: Path, study: Study, found: FoundNetwork | None) -> Path | None:
    """Write the file, or take away one that is of an earlier search; where it is, if anywhere."""
    path = found_path(results, study.name, study.profile)
    if found is None:
        path.unlink(missing_ok=True)
        return None
    write_whole(path, found.text)
    return path


def _said(study: Study, tree: dict[str, Any], graph: Graph) -> Graph | dict[str, Any]:
    """The tree as it was drawn with what the study says over it; where that is not all there is to
    the network (outputs that were aligned), the graph node by node."""
    said = study.spec.model.feature_network
    fields = dict(said.fields) | ({"repeats": said.repeats} if said.repeats is not None else {})
    whole = with_fields(tree, fields)
    try:
        same = digest(expand(parse(whole), levels=said.levels)) == digest(graph)
    except SpecError:
        same = False
    return whole if same and said.levels is None else graph


def _note(study: Study, history: Sequence[Asked], best: Found, known: str | None) -> str:
    """The comment on top of the file."""
    search, values = search_of(study), zip(search_of(study).objectives, best.values, strict=True)
    worth = ", ".join(f"{name} {value:.4g}" for name, value in values)
    seeds = ", ".join(map(str, best.asked.proposal.seeds))
    same = f"This is {known!r}." if known else "No topology file of the zoo is this network."
    return (
        f"Found by the study {study.name!r}, profile {study.profile!r} ({search.kind}, seed "
        f"{search.seed}):\nproposal {best.number} of {len(history)}, the best of "
        f"{len(finished(history))} networks that were trained to their end.\n"
        f"In the search (training seed {seeds}): {worth}; the best of many is too good by its "
        f"luck.\nThe study's report says what it is worth by fresh seeds.\n{same}"
    )
