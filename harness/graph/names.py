"""Words of the language that name levels, and words that rows and nodes may be called."""

import keyword
import re
from functools import lru_cache

_LEVEL = re.compile(r"p(\d{1,2})", re.ASCII)
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)


@lru_cache(maxsize=4096)
def level_of(name: str) -> int | None:
    """4 for `p4`, None for any other word."""
    match = _LEVEL.fullmatch(name)
    return int(match[1]) if match else None


def is_free(name: str) -> bool:
    """Whether a row or node may be called so: not `in`, a level, nor a word of Python's."""
    return bool(_NAME.fullmatch(name)) and not keyword.iskeyword(name) and level_of(name) is None
