"""Counted things are said as one says them: no `1 trials`."""

import re
from pathlib import Path

import pytest

from harness.door.board import Board, footer
from harness.plurals import many
from harness.search.words import search_words

SEARCH = {
    "kind": "random", "objectives": ["ap"], "points": 1, "trials": 1, "drawn": 1, "reasons": {},
    "trainable": 1, "networks": 1, "over_limit": 0, "unbuildable": 0, "known": 0, "left": 1,
    "progress": {"proposed": 1, "done": 1},
}  # fmt: skip


@pytest.mark.parametrize(("number", "said"), [(0, "0 trials"), (1, "1 trial"), (2, "2 trials")])
def test_many(number, said):
    assert many(number, "trial") == said


def test_a_search_of_one():
    assert search_words(SEARCH) == [
        "search (random) by ap: 1 network out of 1 point",
        "of 1 random point 1 can be trained (1 network)",
        "1 proposal so far: 1 done; at most 1 training to come",
    ]


def test_a_board_of_one():
    assert footer(Board(1)) == ["0 of 1 trial", "nothing is running"]


def test_words_of_places_where_people_read_count_by_the_helper():
    """A number before a bare plural in door/ and cli/ is one that cannot be one."""
    bare = re.compile(r"\{[^{}]*\} (?:trials|cells|networks|backbones|images|differences)\b")
    package = Path(__file__).parents[1] / "harness"
    files = [*(package / "door").glob("*.py"), *(package / "cli").glob("*.py")]
    found = {f"{file.name}: {m}" for file in files for m in bare.findall(file.read_text())}
    assert found == {"logs.py: {len(named)} trials"}  # of a word that names several
