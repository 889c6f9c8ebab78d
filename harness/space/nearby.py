"""Which file is meant by a word on the command line, and by the name of one that is not there."""

from pathlib import Path

from harness.errors import SpecError, nearest_name
from harness.space.names import SAFE_NAME

STUDIES = Path("search_spaces")
"""Where study files lie by custom."""


def study_file(word: str) -> str:
    """The file that a word on the command line means: that of this path, or `NAME.yaml` here or
    among the study files. A `SpecError` where it could be two."""
    if Path(word).is_file() or not SAFE_NAME.fullmatch(word):
        return word
    there = [one for one in (Path(f"{word}.yaml"), STUDIES / f"{word}.yaml") if one.is_file()]
    if len(there) > 1:
        raise SpecError(f"{word!r} may be {' or '.join(map(str, there))}: say which")
    return str(there[0]) if there else word


def beside(missing: Path) -> str:
    """The YAML file whose name is nearest, for a file that is not there: of those in the same
    folder, else of the study files at hand."""
    if missing.exists():
        return ""
    for folder in (missing.parent, STUDIES):
        there = {one.stem: one for one in sorted(folder.glob("*.yaml"))}
        if near := nearest_name(missing.stem, list(there)):
            return f"; did you mean {there[near]}?"
    return ""
