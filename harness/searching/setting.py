"""From a study to its searcher."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from harness.errors import SpecError
from harness.files import scratch_of
from harness.search import SEARCHERS, AbstractSearcher, Setting
from harness.search.space import RandomPick, SearchSpace, Topologies
from harness.search.topologies import space_of as topology_space
from harness.space.bind import Choice, FactsOf, bind
from harness.space.search_spec import OBJECTIVES, SearchSpec
from harness.space.study import Study
from harness.space.topology_space import TopologySpaceStudy
from harness.space.validate import located

DRAWS = 100
"""Random points among which one that can be bound is looked for."""
UNRELATED = {"trials", "compare"}
"""Fields of a search that no objective depends on: changed, the search goes on."""


def search_of(study: Study) -> SearchSpec:
    """The study's `search` section; only for studies that have one."""
    if study.spec.search is None:
        raise AssertionError("the study searches nothing")
    return study.spec.search


def space_of(study: Study) -> SearchSpace:
    search = search_of(study)
    return SearchSpace(search.space, _topologies(study, search.topology))


def _topologies(study: Study, said: TopologySpaceStudy | None) -> Topologies | None:
    if said is None:
        return None
    try:
        return topology_space(said, study.folder)
    except SpecError as error:
        at = "search.topology"
        told = [
            one if one.file else replace(one, path=f"{at}.{one.path}" if one.path else at)
            for one in error.faults
        ]
        raise SpecError(located(study.placed, told)) from None


def journal_path(results: Path, study: Study) -> Path:
    """Beside the study's results; where those are in a store, in this machine's scratch folder."""
    return scratch_of(results) / "studies" / study.name / f"{study.profile}.search.journal"


def open_searcher(
    study: Study, results: Path, facts: FactsOf, *, is_reader: bool = False
) -> AbstractSearcher:
    """The study's searcher as its journal has it now. A writer holds the journal until closed."""
    search = search_of(study)
    setting = Setting(
        space=space_of(study),
        highest=tuple(OBJECTIVES[name] for name in search.objectives),
        trials=search.trials,
        seeds=study.spec.seed_list,
        seed=search.seed,
        population=search.population,
        key=search_key(study, facts),
        journal=journal_path(results, study),
        is_reader=is_reader,
    )
    return SEARCHERS.get(search.kind)(setting)


def search_key(study: Study, facts: FactsOf) -> str:
    """Digest of all that the worth of a point depends on."""
    spec = study.spec
    said = {
        "model": study.placed.tree.get("model"),
        "recipe": spec.recipe.model_dump(mode="json"),
        "data": spec.data.model_dump(mode="json", exclude={"root"}),
        "seeds": spec.seed_list,
        "limits": spec.limits,
        "search": search_of(study).model_dump(mode="json", exclude=UNRELATED),
        "trial": _some_trial(study, facts),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _some_trial(study: Study, facts: FactsOf) -> str | None:
    """The id of a trial of the space. It stands for what the study's file does not say: the images
    and the topology files as they are now, who trains, and the code's epoch."""
    space, search = space_of(study), search_of(study)
    for turn in range(DRAWS):
        choice = Choice("", {}, space.draw(RandomPick(search.seed, "key", turn)))
        try:
            return bind(study, choice, study.spec.seed_list[0], facts).id
        except SpecError:
            continue
    return None
