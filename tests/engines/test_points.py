"""Each point of "studies at any scale that waste nothing and lose nothing", on a real Ray cluster.

A head and two workers, each a raylet with resources of its own; the harness driven by its command
line; trials that really train, for a second or two. Each test prints the line that
`docs/scale.md` quotes:

    pytest -q -m slow tests/engines/test_points.py -s
"""

import json
import signal
import time

import pytest
from engines.user import ROOT, STUDY, Seen, User, ended
from tiny import STUDY as FROZEN

from harness.report import table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(600),
]
"""Ray's own warnings."""

STORE = 80 * 2**20
CORES = (2, 1)
"""Of the two workers; the head has none."""


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
    found = Cluster(initialize_head=True, head_node_args=head)
    for cores in CORES:
        found.add_node(num_cpus=cores, object_store_memory=STORE)
    yield found
    found.shutdown()


@pytest.fixture
def user(cluster, tmp_path):
    return User(tmp_path, cluster.address)


def say(point: str, evidence: str) -> None:
    print(f"\n{point}: {evidence}", flush=True)


def reach_an_epoch(user, driver):
    """Until some trial of a command has trained for one."""
    seen = Seen()
    while not seen.epoch and driver.poll() is None:
        seen.look(user.results)
        time.sleep(0.05)


WIDTHS = "vary: {model.feature_network.width: [8, 12]}\narms: {bifpn: {}}\n"
MORE = """\
vary: {model.feature_network.width: [8, 12, 16]}
arms: {bifpn: {}, fpn: {model.feature_network.topology: fpn}}
seeds: 2
"""


def test_1_the_ledger_trains_what_is_missing_and_two_drivers_share_it(user):
    grown = user.writes("grown", FROZEN + WIDTHS)
    user.run(grown)
    before = user.trained()
    files = {path: path.stat().st_mtime_ns for path in user.results.glob("ledger/*/record.json")}
    user.writes("grown", FROZEN + MORE)
    drivers, seen = [user.runs(grown), user.runs(grown)], Seen()
    while any(driver.poll() is None for driver in drivers):
        seen.look(user.results)
        time.sleep(0.05)
    for driver in drivers:
        ended(driver)
    after = user.trained()
    assert user.states("grown") == {"done": 12}
    assert (len(before), len(after)) == (3, 13)
    assert set(after.values()) == {1}
    assert {path: path.stat().st_mtime_ns for path in files} == files
    say(
        "1",
        f"12 cells after 2 (an axis, a seed and an arm more): {len(after) - len(before)} "
        f"trained by two drivers at once, {sum(after.values())} trainings of {len(after)} trials",
    )


def test_1_old_records_load_gc_is_dry_and_a_trial_is_equal_again(user):
    sample = ROOT / "tests" / "golden" / "records" / "1-done.json"
    old = json.loads(sample.read_text())
    assert old["version"] == 1
    once = user.writes("once", FROZEN)
    user.run(once)
    folder = user.results / "ledger" / old["id"]
    folder.mkdir()
    (folder / "record.json").write_text(sample.read_text())
    rows = table(user.results).set_index("id")
    assert rows.loc[old["id"], "ap"] == old["metrics"]["ap"]
    before = sorted(user.results.rglob("*"))
    freed = user.told("gc", "--all-checkpoints")
    assert freed["freed"] is None
    assert freed["bytes"] > 0
    assert sorted(user.results.rglob("*")) == before
    [cell] = user.study("once").cells
    again = user.told("rerun", cell.id)
    assert again["equal"], again["words"]
    say(
        "1",
        f"a record of version 1 is a row of the table; gc would free {freed['bytes']:,} "
        f"bytes and touched none; rerun of {cell.id} is equal to the last digit",
    )


LIMITED = """\
arms: {narrow: {}, same: {model.feature_network.width: 8}}
vary: {model.feature_network.repeats: [1, 2, 3]}
limits: {feature_network.macs: 80000}
"""


def test_2_the_gate(user):
    gated = user.writes("gated", STUDY + LIMITED)
    plan = user.told("plan", gated)
    user.run(gated)
    states = user.states("gated")
    assert states == {"done": 1, "alias": 1, "rejected": 4}, plan
    reasons = {cell.reason for cell in user.study("gated").cells if cell.status == "rejected"}
    assert all("is over the limit of 80,000" in reason for reason in reasons)
    over = user.run(gated, "--set", "limits.memory_mb=1", "--set", "seeds=[5]")
    assert "rejected" in over.out
    memory = {cell.reason for cell in user.study("gated").cells if cell.status == "rejected"}
    [measured] = {reason for reason in memory if reason.startswith("memory ")}
    assert len(user.trained()) == 1
    idle = user.writes("idle", STUDY + LIMITED + "baseline: narrow\n")
    refused = user.run(idle, exits=2)
    assert "same" in refused.err
    say(
        "2",
        f"{dict(states)}; {min(reasons)!r}; {measured!r}; an arm that changes nothing: "
        f"exit 2, {refused.err.strip().splitlines()[-1]!r}",
    )


def test_3_the_plan_is_kept_before_there_are_results(user):
    planned = user.writes("planned", STUDY + "vary: {model.feature_network.width: [8, 12]}\n")
    before = user.told("plan", planned, "--calibrate", "--at-once", sum(CORES))
    assert before["stored"] is None
    assert {trial["status"] for trial in before["trials"]} == {"pending"}
    assert all(trial["macs"] > 0 for trial in before["trials"])
    assert before["estimate"]["seconds"] > 0
    user.run(planned)
    kept = user.results / "studies" / "planned" / "default" / "plans" / f"{before['digest']}.json"
    records = [path.stat().st_mtime_ns for path in user.results.glob("ledger/*/record.json")]
    assert len(records) == 2
    assert kept.stat().st_mtime_ns < min(records)
    assert before["digest"][:12] in user.page("planned")
    assert "What is reported is what was planned then" in user.page("planned")
    after = user.told("plan", planned)
    assert after["digest"] == before["digest"]
    assert {trial["status"] for trial in after["trials"]} == {"done"}
    lead = (min(records) - kept.stat().st_mtime_ns) / 1e9
    say(
        "3",
        f"plan {before['digest'][:12]} stored {lead:.1f} s before the first record, and in "
        f"the report; calibrated {before['estimate']['seconds']:.1f} s for "
        f"{len(records)} trials, {sum(CORES)} at once",
    )


FOUND = """\
limits: {feature_network.macs: 200000}
search:
  kind: tpe
  trials: 4
  topology: {mutations: {of: bifpn, steps: 2, fuses: [sum, {weighted: softmax}]}}
  space: {model.feature_network.width: {low: 8, high: 24, step: 4}}
  compare: {random: 2, seeds: [100, 101], band: 0.5, cost: feature_network.macs}
"""


def test_4_a_search_over_graphs_at_a_limit(user):
    found = user.writes("found", STUDY + FOUND)
    seen = Seen()
    user.run(found, seen=seen)
    study = user.study("found")
    states = user.states("found")
    searched = [cell for cell in study.cells if cell.arm.startswith("proposal")]
    done = [cell for cell in searched if cell.status == "done"]
    assert len(done) == 4
    assert all(cell.parts["feature_network"].macs <= 200000 for cell in done)
    compared = {cell.arm for cell in study.cells if cell.seed in (100, 101)}
    assert compared >= {"found", "random 0"}
    assert set(user.trained().values()) == {1}
    assert "random networks of equal cost" in user.page("found")
    trained = user.trained()
    assert "nothing was left to train" in user.run(found).out
    assert user.trained() == trained
    say(
        "4",
        f"tpe over mutations of bifpn: {len(searched)} proposals, {dict(states)} with the "
        f"compare stage ({', '.join(sorted(compared))}), {seen.most} at once, each trial once",
    )


HALVED = """\
search:
  kind: random
  trials: 8
  space: {recipe.optimizer.learning_rate: {low: 1e-5, high: 1e-2, log: true}}
  scheduler: {asha: {grace: 2, reduction: 2}}
"""


def test_4_what_asha_stops_is_marked_and_apart(user):
    text = STUDY.replace("epochs: 2,", "epochs: 16,").replace(
        "train_images: 16", "train_images: 64"
    )
    halved = user.writes("halved", text + HALVED)
    driver = user.runs(halved)
    reach_an_epoch(user, driver)
    now = user.told("watch", halved, "--once")
    assert (now["total"], now["over"]) == (8, False)
    ended(driver)
    states = user.states("halved")
    assert states["done"] + states["stopped"] == 8
    assert states["stopped"] > 0, table(user.results)[["id", "ap"]]
    stopped = [cell for cell in user.study("halved").cells if cell.status == "stopped"]
    epochs = []
    for cell in stopped:
        record = user.record(cell.id)
        assert record.metrics is None
        assert record.epochs_done in (2, 4, 8)
        epochs.append(record.epochs_done)
    rows = user.table("halved").set_index("id")
    assert rows.loc[[cell.id for cell in stopped], "ap"].isna().all()
    page = user.page("halved")
    assert "Trials that were stopped are not among them, nor on any front" in page
    assert "epoch 16:" not in page  # the end does not foretell itself
    say(
        "4",
        f"ASHA: {dict(states)}; stopped after {sorted(epochs)} of 16 epochs, without an AP "
        "in the table",
    )


PARTS = """\
seeds: [3, 5]
ablation:
  parts:
    weights: {without: {model.feature_network.fuse: sum}}
    tower: {without: {model.head.depth: 1}}
  matched: {arms: [full], widen: base}
"""


def test_5_an_ablation_with_a_control_of_equal_cost(user):
    text = STUDY.replace("head: {depth: 1}", "head: {depth: 2}")
    parts = user.writes("parts", text + PARTS)
    user.run(parts)
    cells = user.study("parts").cells
    seeds = {arm: {c.seed for c in cells if c.arm == arm} for arm in {c.arm for c in cells}}
    assert set(map(frozenset, seeds.values())) == {frozenset({3, 5})}
    assert "base, matched to full" in seeds
    cost = {cell.arm: cell.macs for cell in cells}
    miss = cost["base, matched to full"] / cost["full"] - 1
    assert abs(miss) < abs(cost["base"] / cost["full"] - 1)
    assert user.states("parts") == {"done": 10, "alias": 4}
    assert "What each part is worth" in user.page("parts")
    say(
        "5",
        f"{len(seeds)} arms by seeds 3 and 5, {dict(user.states('parts'))}; base is "
        f"{cost['base'] / cost['full'] - 1:+.1%} of full's multiply-adds, matched {miss:+.1%}",
    )


def test_6_trials_use_all_nodes_and_one_trial_two_processes(user):
    spread = user.writes("spread", STUDY + "seeds: 6\n")
    seen = Seen()
    user.run(spread, seen=seen)
    assert user.states("spread") == {"done": 6}
    assert seen.most == sum(CORES)
    assert len(seen.raylets) == len(CORES)
    pair = user.writes("pair", STUDY + "seeds: [7]\n")
    user.run(pair, "--devices", 2)
    [cell] = user.study("pair").cells
    record = user.record(cell.id)
    assert (record.status, record.environment.processes) == ("done", 2)
    say(
        "6",
        f"6 trials, {seen.most} at once on {len(seen.raylets)} workers' raylets; "
        f"--devices 2: done by {record.environment.processes} processes",
    )


WILD = "arms: {calm: {}, wild: {recipe.optimizer.learning_rate: 1e9}}\n"


def test_7_failures_have_names_and_policies(user):
    named = user.writes("named", STUDY + WILD)
    began = time.monotonic()
    refused = user.run(named, "--cpus", 64, exits=1)
    took = time.monotonic() - began
    assert "a trial asks for 64 CPU cores on one node" in refused.err
    user.run(named, "--timeout", 0.001, exits=1)
    assert user.states("named") == {"timed_out": 2}
    user.run(named, exits=1)
    assert user.states("named") == {"done": 1, "diverged": 1}
    [wild] = [cell.id for cell in user.study("named").cells if cell.arm == "wild"]
    assert user.record(wild).attempt == 2
    assert "nothing was left to train" in user.run(named, exits=1).out
    assert user.record(wild).attempt == 2
    user.run(named, "--retry", "failed", exits=1)
    assert user.record(wild).attempt == 3
    say(
        "7",
        f"--cpus 64: exit 1 in {took:.1f} s, {refused.err.strip().splitlines()[-1]!r}; "
        f"--timeout: both timed_out, the next run: done and diverged (attempt 2); diverged is "
        f"left alone until --retry failed (attempt 3)",
    )


def test_7_a_budget_cuts_and_the_same_command_goes_on(user):
    budget = user.writes("budget", STUDY.replace("epochs: 2,", "epochs: 100,") + "seeds: 2\n")
    for seconds in (8, 12, 16, 24):
        said = user.run(budget, "--hours", seconds / 3600)
        cut = [user.record(c.id) for c in user.study("budget").cells if c.status == "cut"]
        if any(record.epochs_done for record in cut):
            break
    epochs = [record.epochs_done for record in cut]
    assert 0 < max(epochs) < 100, said
    first = user.states("budget")
    user.run(budget)
    assert user.states("budget") == {"done": 2}
    records = [user.record(cell.id) for cell in user.study("budget").cells]
    assert [len(record.curve) for record in records] == [100, 100]
    assert set(user.trained().values()) == {1}
    say(
        "7",
        f"--hours: {dict(first)}, cut after {sorted(epochs)} of 100 epochs; the same command: "
        "2 done, each of 100 epochs",
    )


def test_10_a_trainer_of_ones_own_and_latencies_of_elsewhere(cluster, tmp_path):
    user = User(tmp_path, cluster.address, (ROOT, ROOT / "examples"))
    own = user.writes("own", STUDY + "vary: {model.feature_network.width: [8, 12]}\n")
    user.run(own, "--trial", "own_trainer:train")
    cells = user.study("own").cells
    assert user.states("own") == {"done": 2}
    rows = user.table("own").set_index("id")
    assert set(rows["trainer"]) == {"own_trainer:train@1"}
    assert rows["ap"].notna().all()
    file = user.home / "phone.csv"
    lines = [f"{cell.id},a phone,tflite,{3.5 + i}" for i, cell in enumerate(cells)]
    file.write_text("\n".join(["trial,device,runtime,milliseconds", *lines]) + "\n")
    user.says("latency", own, "--import", file)
    user.says("report", own, "--reports", user.home / "reports")
    assert "a phone, tflite" in user.page("own")
    say(
        "10",
        f"own_trainer:train@1 under Ray: {dict(user.states('own'))}; "
        f"{len(lines)} latencies of 'a phone, tflite' in the report",
    )


def test_8_and_11_watched_from_another_terminal_and_killed_meanwhile(user):
    long = user.writes("long", STUDY.replace("epochs: 2,", "epochs: 80,") + "seeds: 3\n")
    driver = user.runs(long)
    reach_an_epoch(user, driver)
    now = user.told("watch", long, "--once")
    running = now["running"]
    assert running
    assert not now["over"]
    log = user.says("log", running[0]["id"])
    assert "epoch 1 of 80" in log
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    user.run(long)
    after = user.told("watch", long, "--once")
    assert (after["over"], after["counts"]) == (True, {"done": 3})
    assert set(user.trained().values()) == {1}
    say(
        "11",
        f"watch --once --json in a run: {len(running)} running, epoch "
        f"{running[0]['epoch']} of {running[0]['epochs']}; log: {len(log.splitlines())} lines",
    )
    say(
        "8",
        f"driver killed (pid {driver.pid}, SIGKILL) and started again: {after['counts']}, "
        "each trained to its end once",
    )
