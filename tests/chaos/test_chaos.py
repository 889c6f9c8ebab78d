"""Interruptions in a short form; `make chaos` does it at length."""

import random

import pytest
from chaos.chaos import chaos, write_study

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]
"""Ray's own warnings."""


def test_nothing_is_lost_or_done_twice_whatever_is_killed(tmp_path):
    study = write_study(tmp_path, widths=[8], seeds=1, epochs=6)
    incidents = ["worker", "driver", "node", "tear", "full disk"]
    told = chaos(incidents, random.Random(1), tmp_path, study, patience=1.5)
    assert sum(told.incidents.values()) == len(incidents)
