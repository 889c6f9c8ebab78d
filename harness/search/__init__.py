"""Which points of a study come next: the grid, and searchers that learn."""

from harness.search.base import AbstractSearcher, Proposal, Told
from harness.search.grid import grid
from harness.search.names import BACKBONE, BASE, Title, cell_name, label, short_names, wording

__all__ = [
    "BACKBONE",
    "BASE",
    "AbstractSearcher",
    "Proposal",
    "Title",
    "Told",
    "cell_name",
    "grid",
    "label",
    "short_names",
    "wording",
]
