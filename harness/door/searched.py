"""A search on the console."""

import re
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from harness.search.words import search_words

PROPOSAL = re.compile(r"proposal \d+")


def is_passed_over(arm: str, status: str) -> bool:
    """Whether a cell is a proposal that cost nothing: there may be thousands."""
    return status in ("rejected", "alias") and PROPOSAL.fullmatch(arm) is not None


def say_search(search: Mapping[str, Any] | None, console: Console) -> None:
    if search is None:
        return
    for line in search_words(search):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
