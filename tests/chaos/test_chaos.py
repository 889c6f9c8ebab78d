"""Interruptions in a short form; `make chaos` does it at length."""

import random

import pytest
from chaos.chaos import chaos, search_chaos, write_study

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]
"""Ray's own warnings."""


def test_nothing_is_lost_or_done_twice_whatever_is_killed(tmp_path):
    study = write_study(tmp_path, widths=[8], seeds=1, epochs=6, source="")
    incidents = ["worker", "tear"]  # who tears a record kills its driver too
    told = chaos(incidents, random.Random(1), tmp_path, study, patience=1.5)
    assert sum(told.incidents.values()) == len(incidents)


@pytest.mark.slow
def test_no_proposal_of_a_search_is_lost_or_done_twice(tmp_path):
    incidents = ["driver", "worker", "driver", "node"]
    told = search_chaos(incidents, random.Random(1), tmp_path, trials=6, epochs=6, patience=3)
    assert sum(told.incidents.values()) == len(incidents)
