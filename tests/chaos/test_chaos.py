"""Interruptions in a short form; `make chaos` does it at length.

Without `-m slow`, each kind is held by a test of its own: a worker or a node of Ray's by
`engines/`, a driver by `test_cli.py` and `searching/test_killed.py`, a torn record by
`test_ledger.py`, a full disk by `training/test_failures.py`, equal digits under Ray and after a
kill by `test_whole_line.py` and `training/test_trial.py`.
"""

import random

import pytest
from chaos.chaos import chaos, search_chaos, write_study

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]
"""Ray's own warnings."""


@pytest.mark.slow
def test_nothing_is_lost_or_done_twice_whatever_is_killed(tmp_path):
    study = write_study(tmp_path, widths=[8], seeds=1, epochs=6)
    incidents = ["worker", "driver", "tear", "full disk"]
    told = chaos(incidents, random.Random(1), tmp_path, study, patience=1.5)
    assert sum(told.incidents.values()) == len(incidents)


@pytest.mark.slow
def test_no_proposal_of_a_search_is_lost_or_done_twice(tmp_path):
    incidents = ["driver", "worker", "driver", "node"]
    told = search_chaos(incidents, random.Random(1), tmp_path, trials=6, epochs=6, patience=3)
    assert sum(told.incidents.values()) == len(incidents)
