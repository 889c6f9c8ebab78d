"""Search as part of a study: proposals through gate and ledger, and what is left."""

from harness.searching.cells import searched_cells
from harness.searching.found import Found, finished, front, winner
from harness.searching.kept import FoundNetwork, found_network, found_path
from harness.searching.planned import Searched, keep_found, settled_search, with_search
from harness.searching.preview import Preview, drawn, preview, unbuildable
from harness.searching.running import early_of, run_search
from harness.searching.screen import Gate, Screened
from harness.searching.setting import open_searcher, space_of
from harness.searching.state import is_over
from harness.searching.supply import Allowed, SearchSupply

__all__ = [
    "Allowed",
    "Found",
    "FoundNetwork",
    "Gate",
    "Preview",
    "Screened",
    "SearchSupply",
    "Searched",
    "drawn",
    "early_of",
    "finished",
    "found_network",
    "found_path",
    "front",
    "is_over",
    "keep_found",
    "open_searcher",
    "preview",
    "run_search",
    "searched_cells",
    "settled_search",
    "space_of",
    "unbuildable",
    "winner",
    "with_search",
]
