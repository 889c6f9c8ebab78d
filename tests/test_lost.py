"""What stands of a trial whose worker is gone: its own record, or that its worker died."""

import dataclasses
import json

import pytest

from harness.claims import CLAIM, Beat
from harness.engines import LedgerSink
from harness.engines.base import failed
from harness.ledger import Ledger
from harness.plan import make_plan
from harness.space.profiles import load_study
from harness.space.workplace import Workplace


@pytest.fixture
def spec(small_study, facts, tmp_path):
    return make_plan(load_study(small_study), Ledger(tmp_path), facts).pending()[0]


def fails(spec, where, started):
    """A record of a failure, of an attempt that started then."""
    record = failed(spec, where, "diverged", "its loss is no number")
    place = dataclasses.replace(record.environment, started=started)
    Ledger(where.results).write(dataclasses.replace(record, environment=place))


def claim(spec, where, started):
    folder = Ledger(where.results).folder(spec.id)
    beat = Beat("owner", "elsewhere", "node", 1, None, started)
    (folder / CLAIM).write_text(json.dumps(dataclasses.asdict(beat)))


@pytest.mark.parametrize(
    ("taken", "status"),
    [
        (None, "diverged"),  # it let go of its claim: its record is its last word
        ("2026-01-01T00:00:00+00:00", "diverged"),  # and so it is where it died after writing it
        ("2026-01-01T00:00:09+00:00", "worker_died"),  # the record is of an earlier attempt
    ],
)
def test_an_older_failure_does_not_hide_that_the_worker_died(spec, tmp_path, taken, status):
    where = Workplace(tmp_path)
    fails(spec, where, "2026-01-01T00:00:05+00:00")
    if taken:
        claim(spec, where, taken)
    LedgerSink().lost(spec, where, "its process is gone")
    ledger = Ledger(tmp_path)
    assert ledger.get(spec.id).status == status
    kept = list(ledger.folder(spec.id).glob("attempt-*.json"))
    assert len(kept) == (status == "worker_died")
