"""A search on the console."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from harness.search.words import search_words


def say_search(search: Mapping[str, Any] | None, console: Console) -> None:
    if search is None:
        return
    for line in search_words(search):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
