"""One interface, two engines: what becomes of trials, and what stands in the ledger after."""

import subprocess
import sys

import pytest

from harness.engines import ENGINES, Listed
from harness.engines.base import processors, reason_of
from harness.engines.ray.share import share, slots
from harness.errors import EngineError, TrialError
from harness.ledger import Ledger
from harness.plan import make_plan
from harness.space.profiles import load_study
from harness.space.workplace import Workplace
from harness.trainers import Named

QUIET = pytest.mark.filterwarnings("ignore")
"""Ray's own warnings, and sockets it leaves to the garbage collector."""


@pytest.fixture
def trials(small_study, facts, tmp_path):
    """Six trials without a source."""
    text = small_study.read_text()
    source = text[text.index("    frozen: all") : text.index("  feature_network: {topology: bifpn")]
    small_study.write_text(text.replace(source, ""))
    return make_plan(load_study(small_study), Ledger(tmp_path), facts).pending()


@pytest.fixture
def tell(tmp_path):
    def tell(trial_id, what):
        (tmp_path / "results" / "orders").mkdir(parents=True, exist_ok=True)
        (tmp_path / "results" / "orders" / trial_id).write_text(what)

    return tell


class Watch:
    """Keeps what an engine tells."""

    def __init__(self):
        self.events = []

    def __call__(self, event):
        self.events.append(event)

    def kinds(self, trial_id):
        return [event.kind for event in self.events if event.id == trial_id]


@pytest.fixture
def run(tmp_path, fake_trial):
    def run(engine, trials, device="cpu", threads=1):
        watch = Watch()
        where = Workplace(tmp_path / "results", device=device, threads=threads, engine=engine)
        ENGINES.get(engine)().run(Listed(trials), Named(fake_trial), where, watch)
        return Ledger(tmp_path / "results"), watch

    return run


def test_inline_does_every_trial_and_tells(run, trials, tell):
    tell(trials[1].id, "raise")
    ledger, watch = run("inline", trials)
    records = [ledger.get(spec.id) for spec in trials]
    assert [record.status for record in records] == ["done", "failed", *["done"] * 4]
    assert records[1].reason == "ValueError: told to"
    assert records[0].environment.versions == {"omp": "1"}
    assert watch.kinds(trials[0].id) == ["started", "epoch", "epoch", "ended"]
    assert watch.kinds(trials[1].id)[-1] == "ended"
    ended = [event.facts["status"] for event in watch.events if event.kind == "ended"]
    assert ended.count("failed") == 1


def test_inline_passes_an_interruption_through(run, trials, tell, tmp_path):
    tell(trials[1].id, "interrupt")
    with pytest.raises(KeyboardInterrupt):
        run("inline", trials)
    assert [record.id for record in Ledger(tmp_path / "results").records()] == [trials[0].id]


@QUIET
def test_ray_does_the_same_and_survives_its_workers(run, trials, tell, tmp_path):
    """One start of Ray for all of it: it takes seconds."""
    raises, dies, dies_once = (spec.id for spec in trials[:3])
    tell(raises, "raise")
    tell(dies, "die")
    tell(dies_once, "die once")
    ledger, watch = run("ray", trials)
    records = {spec.id: ledger.get(spec.id) for spec in trials}
    assert records[raises].reason == "ValueError: told to"
    assert records[dies].status == "worker_died"
    assert {records[spec.id].status for spec in trials[2:]} == {"done"}
    assert records[trials[-1].id].environment.versions == {"omp": "1"}
    assert records[trials[-1].id].environment.engine == "ray"
    attempts = {path.name for path in (tmp_path / "results" / "calls").iterdir()}
    assert len([name for name in attempts if name.startswith(dies)]) == 2
    assert len([name for name in attempts if name.startswith(trials[-1].id)]) == 1
    assert watch.kinds(trials[-1].id) == ["started", "epoch", "epoch", "ended"]
    processes = {
        (tmp_path / "results" / "calls" / name).read_text().split()[0] for name in attempts
    }
    assert len(processes) < len(attempts), "workers are reused"


def test_ray_that_is_missing_is_told(run, trials, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EngineError, match=r"Ray is not installed .*: use --engine inline"):
        run("ray", trials)


def test_resources_are_refused_before_they_are_waited_for(tmp_path):
    def asked(*nodes, **said):
        return share(nodes, Workplace(tmp_path, **said))

    small, large = {"CPU": 2.0}, {"CPU": 16.0, "GPU": 2.0}
    with pytest.raises(EngineError, match="no GPU in the Ray cluster"):
        asked(small, device="cuda")
    with pytest.raises(
        EngineError,
        match=r"asks for 4 CPU cores on one node; the most that a node of the cluster has: 2",
    ):
        asked(small, small, small, threads=4)
    with pytest.raises(EngineError, match=r"3 GPUs on one node.* the most .* 2 GPUs"):
        asked(large, devices=3)
    with pytest.raises(EngineError, match=r"0.5 GPUs a trial, and no GPU"):
        asked(small, gpus=0.5)
    assert asked(small) == {"cpu": 1.0}
    assert asked(small, alone=True) == {"cpu": 2.0}
    assert asked(large) == {"cpu": 8.0, "gpu": 1.0}
    assert asked(small, large, gpus=0.25) == {"cpu": 2.0, "gpu": 0.25}
    assert asked(large, gpus=0.25, alone=True) == {"cpu": 8.0, "gpu": 1.0}
    assert asked(large, devices=2) == {"cpu": 16.0, "gpu": 2.0}
    assert asked(large, device="cpu") == {"cpu": 1.0}
    assert slots([small, large], {"cpu": 2.0, "gpu": 0.25}) == 8
    assert slots([small, large], {"cpu": 1.0}) == 18


def test_engines_import_ray_only_when_it_runs():
    code = (
        "import harness.engines, harness.run, sys; assert not {'ray', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_reasons_are_one_line():
    assert reason_of(TrialError("no such weights\nmore")) == "no such weights"
    assert reason_of(ValueError("bad\nmore")) == "ValueError: bad"
    assert reason_of(MemoryError()) == "MemoryError"
    assert processors() >= 1
