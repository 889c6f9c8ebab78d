"""A real Ray cluster: a head and two workers, separate raylets with resources of their own."""

import threading
import time
from dataclasses import replace

import pytest

from harness.engines import ENGINES, Early, Event, Listed
from harness.errors import EngineError, HarnessError
from harness.ledger import Ledger
from harness.plan import make_plan
from harness.space.profiles import load_study
from harness.space.workplace import Workplace
from harness.trainers import Named

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]
"""Ray's own warnings, and sockets it leaves to the garbage collector."""

STORE = 80 * 2**20


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
    found = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(2):
        found.add_node(num_cpus=1, object_store_memory=STORE)
    yield found
    found.shutdown()


@pytest.fixture
def trials(small_study, facts, tmp_path):
    text = small_study.read_text()
    source = text[text.index("    frozen: all") : text.index("  feature_network: {topology: bifpn")]
    small_study.write_text(text.replace(source, ""))
    return make_plan(load_study(small_study), Ledger(tmp_path), facts).pending()


@pytest.fixture
def where(cluster, tmp_path):
    return Workplace(tmp_path / "results", "cpu", engine="ray", address=cluster.address)


def run(trials, where, fake_trial):
    ENGINES.get("ray")().run(Listed(trials), Named(fake_trial), where, lambda event: None)
    return [Ledger(where.results).get(spec.id) for spec in trials]


def attempts(where) -> dict[str, list[str]]:
    """The nodes that each trial was tried on, by its id."""
    found: dict[str, list[str]] = {}
    for path in sorted((where.results / "calls").iterdir()):
        node = path.read_text().split()[1]
        found.setdefault(path.name.rpartition("-")[0], []).append(node)
    return found


def test_trials_run_on_every_node_and_survive_the_loss_of_one(cluster, trials, where, fake_trial):
    """The trial that waits holds its node; the other node does the rest; then the first is lost."""
    held = trials[0].id
    (where.results / "orders").mkdir(parents=True)
    (where.results / "orders" / held).write_text("wait")
    lost: list[str] = []

    def lose() -> None:
        ledger = Ledger(where.results)
        while not all(ledger.has(spec.id) for spec in trials[1:]):
            time.sleep(0.1)
        [name] = attempts(where)[held]
        node = next(node for node in cluster.worker_nodes if node.node_id == name)
        lost.append(name)
        cluster.remove_node(node, allow_graceful=False)

    losing = threading.Thread(target=lose)
    losing.start()
    records = run(trials, where, fake_trial)
    losing.join()
    assert [record.status for record in records] == ["done"] * len(trials)
    tried = attempts(where)
    assert len(tried[held]) == 2
    assert tried[held][1] != lost[0]
    assert all(len(nodes) == 1 for name, nodes in tried.items() if name != held)
    assert not list((where.results / "tune").iterdir())


def test_what_no_node_can_hold_is_refused(trials, where, fake_trial):
    with pytest.raises(EngineError, match=r"asks for 3 CPU cores on one node"):
        run(trials, Workplace(where.results, "cpu", 3, address=where.address), fake_trial)


CLIMBING = '''
"""A trial whose AP is told at the rungs it is to be evaluated at, as `harness.trial` does."""
import dataclasses
import time

import fake_trial
from harness.ledger import Ledger
from harness.records import Rung


def work(spec, where, on_epoch):
    final = 0.3 + spec.model.feature_network.width / 1000 + spec.seeds.init / 100
    rungs = ()
    for epoch in range(1, 10):
        time.sleep(0.02)
        ap = final * epoch / 9 if epoch in where.evaluate_at else None
        if ap is not None:
            rungs += (Rung(epoch, ap),)
            known = fake_trial.work(spec, where, None)
            known = dataclasses.replace(known, metrics=None, epochs_done=epoch, rungs=rungs)
            Ledger(where.results).write_partial(known)
        on_epoch({"epoch": epoch, "epochs": 9, "ap": ap, "loss": 1.0})
    return dataclasses.replace(known, status="done", epochs_done=9)
'''


def test_what_a_scheduler_stops_is_marked_and_keeps_what_was_seen(
    trials, where, fake_trial, tmp_path
):
    """Best first, so that each that follows is below the top third at some rung."""
    (tmp_path / "modules" / "climbing.py").write_text(CLIMBING)
    best_first = sorted(trials, key=lambda s: -s.model.feature_network.width - s.seeds.init * 10)
    early = Early(epochs=9, grace=1, reduction=3)
    there = replace(where, evaluate_at=early.rungs)
    told: list[Event] = []
    ENGINES.get("ray")().run(
        Listed(best_first), Named("climbing:work"), there, told.append, early=early
    )
    ledger = Ledger(where.results)
    records = [ledger.get(spec.id) for spec in best_first]
    assert early.rungs == (1, 3)
    assert records[0].status == "done"
    stopped = [record for record in records if record.status == "stopped"]
    assert stopped
    for record in stopped:
        assert record.epochs_done in early.rungs
        assert record.rungs[-1].epoch == record.epochs_done
        assert record.reason == "by the study's scheduler"
        assert record.metrics is None
    ended = {event.id: event.facts["status"] for event in told if event.kind == "ended"}
    assert ended == {record.id: record.status for record in records}


def test_nodes_that_do_not_see_what_they_must_are_named_before_anything_is_trained(
    trials, where, fake_trial
):
    there = replace(where, must_see=("/no/such/data",))
    with pytest.raises(EngineError, match=r"nodes differ.*\n.* does not see /no/such/data"):
        run(trials, there, fake_trial)
    assert not (where.results / "calls").exists()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "no Ray cluster at 127.0.0.1:1 "),
        ("nowhere", "should be host:port, or auto"),
    ],
)
def test_a_cluster_that_is_not_there_is_told(tmp_path, trials, fake_trial, address, said):
    with pytest.raises(HarnessError, match=said):
        run(trials, Workplace(tmp_path, "cpu", address=address), fake_trial)
