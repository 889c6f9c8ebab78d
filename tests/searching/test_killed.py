"""A driver killed outright (SIGKILL) at random moments of a search, and started again each time."""

import random
from pathlib import Path

from forked import CONTEXT
from searching.conftest import LARGE
from searching.killed import drive

from harness.ledger import Ledger
from harness.searching import open_searcher


def outcome(study, results: Path, facts):
    """All that a search leaves, without times and places."""
    history = open_searcher(study, results, facts, is_reader=True).history()
    records = {one.id: (one.status, one.metrics) for one in Ledger(results).records()}
    return history, records


def test_killed_at_random_moments_it_ends_as_if_it_had_not_been(study, tmp_path, fake_trial, facts):
    searched = study(LARGE, kind="tpe", trials=8, more="  compare: {random: 2, seeds: [9]}")

    def driven(results, steps):
        """Exit code of a driver that dies at that step (0: never)."""
        args = (searched.file, tmp_path / results, steps, tmp_path / "modules")
        driver = CONTEXT.Process(target=drive, args=args)
        driver.start()
        driver.join(120)
        assert driver.exitcode in (0, -9)
        return driver.exitcode

    assert driven("whole", 0) == 0
    stream, kills = random.Random(5), 0
    while driven("killed", stream.randrange(15, 80)) != 0:
        kills += 1
        journal = tmp_path / "killed" / "studies" / "searched" / "default.search.journal"
        if journal.exists() and kills % 2:  # and a write that was cut short
            journal.write_bytes(journal.read_bytes()[: -stream.randrange(1, 80)])
        assert kills < 40
    assert kills >= 3
    whole = outcome(searched, tmp_path / "whole", facts)
    assert outcome(searched, tmp_path / "killed", facts) == whole
    done = [path.name for path in (tmp_path / "killed" / "calls").glob("*")]
    again = [name for name in done if not name.endswith("-1")]
    assert len(again) <= kills  # at most what was in training at a kill
