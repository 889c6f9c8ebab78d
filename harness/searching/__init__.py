"""Search as part of a study: proposals through the gate and the ledger, and what is left of them."""

from harness.searching.cells import searched_cells
from harness.searching.found import Found, finished, front, winner
from harness.searching.preview import Preview, preview
from harness.searching.screen import Gate, Screened
from harness.searching.setting import open_searcher, space_of
from harness.searching.state import is_over
from harness.searching.supply import SearchSupply

__all__ = [
    "Found",
    "Gate",
    "Preview",
    "Screened",
    "SearchSupply",
    "finished",
    "front",
    "is_over",
    "open_searcher",
    "preview",
    "searched_cells",
    "space_of",
    "winner",
]
