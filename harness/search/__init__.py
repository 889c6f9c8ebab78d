"""Which points of a study come next: those it spells out, and those a searcher proposes."""

from harness.search.base import SEARCHERS, AbstractSearcher, Asked, Proposal, Setting, Told
from harness.search.grid import explicit, grid
from harness.search.names import (
    BACKBONE,
    BASE,
    PROPOSAL,
    Title,
    cell_name,
    is_passed_over,
    label,
    short_names,
    wording,
)
from harness.search.optuna_search import OptunaSearch

__all__ = [
    "BACKBONE",
    "BASE",
    "PROPOSAL",
    "SEARCHERS",
    "AbstractSearcher",
    "Asked",
    "OptunaSearch",
    "Proposal",
    "Setting",
    "Title",
    "Told",
    "cell_name",
    "explicit",
    "grid",
    "is_passed_over",
    "label",
    "short_names",
    "wording",
]
