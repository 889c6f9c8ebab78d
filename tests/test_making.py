"""Draws of the test images that a command makes are told of."""

import logging

from click.testing import CliRunner

from harness.cli import main
from harness.door.making import FIRST, telling_of_draws
from harness.draws import log
from tests.comparing.test_recorded import make_study


def test_the_first_is_said_at_once_and_then_how_many():
    said, level = [], log.level
    with telling_of_draws(said.append, every_s=0.0):
        for trial in "abc":
            log.info("AP of trial %s", trial)
    log.info("nobody listens any more")
    assert said == [FIRST, "... of 1 so far", "... of 2 so far"]
    assert log.level == level
    with telling_of_draws(said.append):
        log.log(logging.INFO, "a")
        log.log(logging.INFO, "b")
    assert said[3:] == [FIRST]


def test_compare_says_it_once_and_not_where_draws_are_kept(tmp_path):
    make_study(tmp_path / "results", "one", {"fpn": 0.3, "bifpn": 0.5})
    words = ["compare", "one:fpn", "one:bifpn", "--results", str(tmp_path / "results")]
    first, second = (CliRunner().invoke(main, words) for _ in range(2))
    assert first.stderr.count(FIRST) == 1
    assert FIRST not in second.stderr
    assert first.stdout == second.stdout
