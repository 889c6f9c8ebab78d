"""The door: what is printed, where, and with which exit code."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from forked import said, start

from harness.cli import main

ROOT = Path(__file__).parents[1]

NETWORK = {"--image-size", "--width", "--repeats", "--levels", "--channels", "--backbone"}
OPTIONS = {
    "run": {"--profile", "--seeds", "--set", "--engine", "--address", "--device", "--threads",
            "--cpus",
            "--gpus", "--memory-gb", "--devices", "--timeout", "--hours",
            "--tensorboard", "--trial", "--keep",
            "--limit", "--retry", "--plugin", "--results", "--reports"},
    "plan": {"--profile", "--seeds", "--set", "--trial", "--limit", "--calibrate", "--device",
             "--threads", "--at-once", "--plugin", "--results", "--json"},
    "check": {"--build", "--plugin"},
    "show": {*NETWORK, "--svg", "--code", "--for", "--plugin", "--json"},
    "diff": {*NETWORK, "--plugin", "--json"},
    "cost": {"--compound", "--plugin", "--json"},
    "scaling": {"--json"},
    "fidelity": {"--out", "--studies", "--results"},
    "latency": {"--profile", "--set", "--image-size", "--batch", "--rounds", "--device",
                "--threads", "--precision", "--part", "--mode", "--import",
                "--plugin", "--results", "--json"},
    "gc": {"--yes", "--days", "--all-checkpoints", "--cache", "--results", "--json"},
    "rerun": {"--device", "--threads", "--keep-in", "--plugin", "--results", "--json"},
    "watch": {"--profile", "--once", "--results", "--json"},
    "log": {"--follow", "--study", "--profile", "--results"},
    "report": {"--profile", "--plugin", "--published", "--live", "--results", "--reports"},
    "doctor": {"--quick", "--controls", "--profile", "--engine", "--device", "--threads",
               "--seed", "--results", "--json"},
    "compare": {"--gt", "--names", "--test", "--draws", "--seed", "--out", "--wide", "--results",
                "--json"},
    "schema": {"--plugin"},
    "export": {"--out", "--plugin", "--results"},
    "import": {"--model", "--out", "--json"},
    "eval": {"--data", "--root", "--weights", "--image-size", "--device", "--limit", "--plugin",
             "--results", "--json"},
    "anchors": {"--results", "--json"},
    "ls": {"--plugin", "--results", "--json"},
}  # fmt: skip
"""Frozen: other programs rely on them."""


@pytest.fixture
def harness(monkeypatch, tmp_path, facts):
    """Runs a command in an empty folder, on data that are never opened."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.run.open_facts", lambda cache: facts)
    monkeypatch.setattr("harness.plan.open_facts", lambda cache: facts)

    def harness(*args):
        result = CliRunner().invoke(main, [str(arg) for arg in args])
        assert "Traceback" not in result.output
        return result

    return harness


def test_the_options_are_frozen():
    for name, command in main.commands.items():
        options = {option for param in command.params for option in param.opts if "--" in option}
        assert options == OPTIONS[name]
    assert main.commands.keys() == OPTIONS.keys()


def test_run_to_the_report_and_again(harness, small_study, fake_trial, tmp_path):
    command = ("run", small_study, "--trial", fake_trial, "--engine", "inline")
    first = harness(*command)
    assert first.exit_code == 0, first.output
    assert "12 cells: 6 done, 6 alias" in first.stdout
    shown = [line for line in first.stdout.splitlines() if line.startswith("reports")]
    assert [Path(line).name for line in shown] == ["table.csv", "pareto.svg", "index.html"]
    assert all((tmp_path / line).is_file() for line in shown)
    assert "[6/6]" in first.stderr
    again = harness(*command)
    assert again.exit_code == 0
    assert "nothing was left to train" in again.stdout
    assert "[" not in again.stderr
    redrawn = harness("report", "small")
    assert redrawn.exit_code == 0, redrawn.output
    assert redrawn.stdout.splitlines() == shown
    answer = (tmp_path / shown[0]).with_name("report.md").read_text().split("\n\n")[1]
    assert redrawn.stderr == re.sub(r"\\(.)", r"\1", answer) + "\n"
    assert redrawn.stderr in first.stdout
    assert "± sd" in first.stdout
    files = json.loads(harness("ls", "--json").stdout)["study_files"]
    assert files == {}
    assert json.loads(harness("ls", "--json").stdout)["studies"] == ["small (default)"]


def test_a_report_says_which_records_are_damaged(harness, small_study, fake_trial, tmp_path):
    harness("run", small_study, "--trial", fake_trial, "--engine", "inline")
    record = next((tmp_path / "results" / "ledger").glob("*/record.json"))
    record.write_text("{")
    aside = record.with_name("record.damaged-1.json")
    for _ in range(2):  # also where the report is not drawn again
        said = harness("report", "small")
        assert said.exit_code == 0
        assert said.stderr.splitlines()[0] == (
            f"{aside}: damaged record set aside; its trial counts as missing"
        )


@pytest.mark.parametrize("command", ["run", "latency"])
def test_a_device_is_one_of_three(harness, small_study, command):
    said = harness(command, small_study, "--device", "tpu")
    assert said.exit_code == 2
    assert "--device tpu: should be auto, cpu or cuda" in said.stderr


def test_a_failed_trial_is_exit_1(harness, small_study, fake_trial, tmp_path):
    plan = json.loads(harness("plan", small_study, "--trial", fake_trial, "--json").stdout)
    orders = tmp_path / "results" / "orders"
    orders.mkdir(parents=True)
    (orders / plan["trials"][0]["id"]).write_text("raise")
    result = harness("run", small_study, "--trial", fake_trial, "--engine", "inline")
    assert result.exit_code == 1
    assert "failed: ValueError: told to" in result.stdout


def test_an_interruption_is_exit_130(harness, small_study, fake_trial, tmp_path):
    plan = json.loads(harness("plan", small_study, "--trial", fake_trial, "--json").stdout)
    orders = tmp_path / "results" / "orders"
    orders.mkdir(parents=True)
    (orders / plan["trials"][0]["id"]).write_text("interrupt")
    result = harness("run", small_study, "--trial", fake_trial, "--engine", "inline")
    assert result.exit_code == 130
    assert "everything finished is kept" in result.stderr


def test_plan_prints_one_json_document(harness, small_study):
    result = harness("plan", small_study, "--json")
    document = json.loads(result.stdout)
    assert document.keys() >= {"study", "trials", "estimate"}
    assert len(document["trials"]) == 12
    assert harness("plan", small_study).exit_code == 0


def test_plan_shows_what_a_run_with_a_limit_would_train(harness, small_study, fake_trial):
    document = json.loads(harness("plan", small_study, "--limit", 2, "--json").stdout)
    pending = [one["id"] for one in document["trials"] if one["status"] == "pending"]
    assert (len(pending), document["later"], document["estimate"]["pending"]) == (2, 4, 2)
    whole = json.loads(harness("plan", small_study, "--json").stdout)
    assert whole["digest"] == document["digest"]
    assert "later" not in whole
    said = harness("plan", small_study, "--limit", 2).stdout
    assert "\n8 cells: 2 to train, 6 alias\nleft for later by --limit: 4 cells\n2 trials" in said
    own = ("--trial", fake_trial, "--limit", 2)
    document = json.loads(harness("plan", small_study, *own, "--json").stdout)
    every = json.loads(harness("plan", small_study, *own[:2], "--json").stdout)["trials"]
    cells = {one["id"] for one in every}
    assert harness("run", small_study, *own, "--engine", "inline").exit_code == 0
    trained = {file.parent.name for file in Path("results/ledger").glob("*/record.json")}
    wanted = {one["id"] for one in document["trials"] if one["status"] == "pending"}
    assert trained & cells == wanted  # beside the backbone they take over


def test_a_study_without_its_folder_is_found_by_its_name(harness, small_study):
    Path("search_spaces").mkdir()
    for name in ("control", "fusion"):
        Path(f"search_spaces/{name}.yaml").write_text(small_study.read_text())
    for command in ("run", "plan"):
        for word in ("contrl", "contrl.yaml", "search_spaces/contol.yaml"):
            assert harness(command, word).stderr == (
                f"{word}  cannot be read: No such file or directory; "
                "did you mean search_spaces/control.yaml?\n"
            )


def test_plan_calibrates_on_the_side(harness, small_study, monkeypatch):
    from harness.calibrations import Calibration, Rates, group_key

    seen = []

    def calibrate(specs, where, say):
        seen.extend(specs)
        say("timing")
        told = Calibration({}, "cpu: this", where.threads, "2", "now")
        rates = Rates((1.0,), 0.0, 0.0, 2.0, 0.0)
        return {group_key(spec): replace(told, rates=rates, steps=3) for spec in specs}

    monkeypatch.setattr("harness.calibrate.calibrate", calibrate)
    args = ("--calibrate", "--device", "cpu", "--threads", "2", "--at-once", "3", "--json")
    result = harness("plan", small_study, *args)
    found = json.loads(result.stdout)["estimate"]
    assert result.stderr == "timing\n"
    assert len(seen) == 7
    # 2 s and a step an epoch: one epoch of pretraining, then two of each of six trials
    assert (found["at_once"], found["seconds"]) == (3, 3.0 + 2 * 4.0)
    assert "3 networks" not in found["basis"]
    assert found["basis"].endswith("of 4 networks alone on cpu: this, 2 threads")
    assert not list(Path("results").glob("studies/*"))  # a plan alone leaves nothing behind


WRONG = {
    "a misspelt node": ("topology", "nodes:\n  p3_out: {level: p3, from: [p3, p4_tdd]}\n"
                        "  p4_td: {level: p4, from: [p4, p5]}\n", r"topology.yaml:2  .*p4_tdd"),
    "a cycle": ("topology", "nodes:\n  a: {level: p3, from: [p3, b]}\n"
                "  b: {level: p4, from: [p4, a]}\noutputs: {p3: a, p4: b}\n",
                r"topology.yaml:\d  .*cycle"),
    "a wrong level": ("topology", "nodes:\n  a: {level: p33, from: [p3, p4]}\n",
                      r"topology.yaml:2  .*p33"),
    "an unknown topology": ("study", ("topology: bifpn", "topology: bifnp"),
                            r"study.yaml:\d+  .*no topology 'bifnp'; did you mean 'bifpn'"),
    "a negative width": ("study", ("width: 8", "width: -8"),
                         r"study.yaml:\d+  .*width: should be greater than or equal to 1, not -8"),
    "duplicate keys": ("study", ("seeds: 2", "seeds: 2\nseeds: 3"),
                       r"study.yaml:\d+  seeds: key 'seeds' is there twice"),
    "an unknown head": ("study", ("seeds: 2", "seeds: 2\nbaseline: a\narms:\n"
                        "  a: {model.head.kind: retinanett}"),
                        r"study.yaml:\d+  arms.a.model.head.kind: no head 'retinanett'; did you"),
    "no list": ("study", ("seeds: 2", "seeds: two"),
                r"study.yaml:\d+  seeds: should be a valid integer, or a list, not 'two'"),
    "not YAML": ("study", ("seeds: 2", "seeds: [2"), r"study.yaml:\d+  not YAML"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_bad_input_has_file_and_line(harness, small_study, tmp_path, kind):
    what, change, said = WRONG[kind]
    file = tmp_path / f"{what}.yaml"
    file.write_text(change if what == "topology" else small_study.read_text().replace(*change))
    for command in ["check"] if what == "topology" else ["check", "plan", "run"]:
        result = harness(command, file)
        assert result.exit_code == 2, result.output
        assert re.search(said, result.stderr), result.stderr
        assert not result.stdout


def test_a_missing_data_folder_has_file_and_line(small_study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "study.yaml"
    file.write_text(small_study.read_text() + "data: {name: coco, root: nowhere}\n")
    result = CliRunner().invoke(main, ["plan", str(file)])
    assert result.exit_code == 2, result.output
    assert re.search(r"study.yaml:\d+  data.root: ", result.stderr), result.stderr


def test_a_study_file_is_meant_by_its_name(harness, small_study, tmp_path):
    (tmp_path / "search_spaces").mkdir()
    (tmp_path / "search_spaces" / "tiny.yaml").write_text(small_study.read_text())
    assert json.loads(harness("plan", "tiny", "--json").stdout)["study"] == "tiny"
    assert harness("check", "tiny").stdout == "1 file: no fault\n"
    (tmp_path / "tiny.yaml").write_text(small_study.read_text())
    for command in ("run", "plan", "check", "latency"):
        said = harness(command, "tiny")
        assert (said.exit_code, said.stderr) == (
            2,
            "'tiny' may be tiny.yaml or search_spaces/tiny.yaml: say which\n",
        )
    assert harness("plan", "tinny").stderr == (
        "tinny  cannot be read: No such file or directory; did you mean tiny.yaml?\n"
    )


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["run", "nowhere.yaml"], "nowhere.yaml  cannot be read: No such file or directory\n"),
        (["watch", "nothing"], " in results: no study has results there\n"),
        (["show", "bifnp"], "no model or topology 'bifnp'; did you mean 'bifpn'?"),
        (["show", "../bifpn"], "../bifpn  cannot be read"),
        (["show", "bifpn", "--svg", "nowhere/x.svg"], "nowhere/x.svg  No such file or directory"),
        (["show", ROOT / "search_spaces" / "control.yaml"], "is a study, not a topology"),
        (["plan", ROOT / "harness" / "topologies" / "bifpn.yaml"], "is a topology, not a study"),
        (["plan", "."], ".  is a folder, not a study"),
        (["report", "../x"], "study '../x': letters"),
        (["show", "bifpn", "--channels", "p3=4"], "--channels: lacks p4, p5 of bifpn"),
        (["show", "bifpn", "--channels", "three"], "--channels three: should be like"),
        (["show", "bifpn", "--channels", "p3=4,p3=5,p4=1,p5=1"], "p3 is there twice"),
        (["show", "bifpn", "--width", "10000000000"], "--width"),
        (["show", "bifpn", "--levels", "p7..p3"], "--levels p7..p3: should be like p3..p7"),
        (["show", "efficientdet_d0", "--levels", "p3..p6"], "has levels p3..p7"),
        (["diff", "bifpn", "bifnp"], "no model or topology 'bifnp'; did you mean 'bifpn'?"),
        (["diff", "bifpn", "nowhere.yaml"], "nowhere.yaml  cannot be read"),
        (["show", "bifpn", "--code", "--for", "mmdett"], "--for mmdett: should be one of mmdet, "),
        (["show", "bifpn", "--for", "mmdet"], "--for mmdet: it goes with --code"),
        (["show", "bifpn", "--code", "--json"], "--code is by itself"),
        (["show", "bifpn", "--code", "--channels", "p3=4"], "--channels: lacks p4, p5 of bifpn"),
        (["schema", "topologie"], "no schema 'topologie'; did you mean 'topology'?"),
        (["cost", "efficientdet_d9"], "did you mean 'efficientdet_d"),
        (["cost"], "cost of what? A model, a topology, or --compound phi=2.5"),
        (["cost", "phi=2.5"], "phi=2.5: coefficients go with --compound"),
        (["cost", "bifpn", "fpn"], "fpn: one name at a time"),
        (["cost", "--compound", "bifpn"], "--compound bifpn: should be like phi=2.5"),
        (
            ["report", "nothing"],
            "no results of study 'nothing' in results: no study has results there\n",
        ),
        (["check", "--plugin", "no_such_module", "x.yaml"], "--plugin no_such_module"),
    ],
)
def test_other_bad_input(harness, args, said):
    result = harness(*args)
    assert result.exit_code == 2, result.output
    assert said in result.stderr


def test_an_engine_that_is_not_there(harness, small_study):
    result = harness("run", small_study, "--engine", "rya")
    assert result.exit_code == 2
    assert "no engine 'rya'; did you mean 'ray'?" in result.stderr


def test_show_as_text_picture_and_json(harness, tmp_path):
    text = harness("show", "bifpn", "--image-size", 128, "--width", 16, "--repeats", 1)
    assert text.stdout.startswith("bifpn: 10 nodes, 21 edges, 1 repeat")
    assert "sees" in text.stdout
    harness("show", "bifpn", "--svg", "net.svg")
    assert (tmp_path / "net.svg").read_text().startswith("<svg")
    document = json.loads(harness("show", "bifpn", "--json").stdout)
    assert document["params"] == sum(node["params"] for node in document["nodes"])
    said = "\nwidth 16; image 128 x 128; repeats 1; channels of p3 40, p4 112, p5 320\n"
    assert said in text.stdout
    assert ">width 64; image 512 x 512; repeats 3; channels" in (tmp_path / "net.svg").read_text()
    first, second = document["nodes"][:2]
    assert first["inputs"] == [
        {
            "source": "p5",
            "role": None,
            "projection": {"per": "edge", "norm": True, "bias": True},
            "path": [{"max_pool": {"kernel": "stride_plus_1"}}],
        }
    ]
    assert second["inputs"][0]["projection"] is None
    assert (document["width"], document["image_size"]) == (64, 512)


def test_show_at_other_levels_and_channels(harness):
    args = ("--levels", "p3..p6", "--channels", "p3=8,p4=16,p5=32", "--width", 16)
    document = json.loads(harness("show", "bifpn", *args, "--json").stdout)
    assert list(document["outputs"]) == ["p3", "p4", "p5", "p6"]
    assert {node["channels"] for node in document["nodes"]} == {16}


def test_diff_in_words_and_as_json(harness):
    assert harness("diff", "bifpn", "bifpn").stdout.startswith("the same network: bifpn and bifpn")
    text = harness("diff", "bifpn", "simplified_panet").stdout
    assert "24 nodes changed, 9 edges removed" in text
    assert "\nwidth 64; image 512 x 512; repeats 3; channels of p3 40, p4 112, p5 320\n" in text
    assert "  p4_out@2: no longer reads p4_out@1\n" in text
    document = json.loads(harness("diff", "bifpn", "simplified_panet", "--json").stdout)
    assert document["same"] is False
    assert len(document["changed"]) == 24
    assert document["cost"]["params"] == [196_281, 168_192]


def test_show_says_when_the_backbone_sees_all(harness):
    said = "tf_efficientnet_b0 itself sees the whole image"
    assert said in harness("show", "lateral").stdout
    assert "itself sees" not in harness("show", "lateral", "--backbone", "resnet50").stdout


def test_cost_has_the_documented_shape(harness):
    document = json.loads(harness("cost", "efficientdet_d0", "--json").stdout)
    assert document["params"] == 3_880_067
    assert document["macs"] == 2_492_331_520
    assert {name: part["params"] for name, part in document["parts"].items()} == {
        "backbone": 3_595_388,
        "feature_network": 196_281,
        "class_head": 69_354,
        "box_head": 19_044,
    }
    assert document["fvcore"]["total"] == 2_570_808_832
    assert document["fvcore"]["uncounted"]["aten::sigmoid"] > 0
    paper, readme = document["published"]
    assert paper == {
        "params": 3.9e6,
        "macs": 2.5e9,
        "source": "arXiv 1911.09070v7, table 2",
        "convention": "tf_profiler_2020_05",
        "printed": {"params": "3.9M", "macs": "2.5B"},
    }
    assert readme["printed"]["macs"] == "2.54B"
    assert document["fvcore"]["closed_form"] == document["fvcore"]["total"]
    assert document["conventions"]["tf_profiler_2020_05"] == 2_535_456_183
    assert document["conventions"]["multiply_adds"] == document["macs"]
    by_part = document["conventions_by_part"]["fvcore"]
    assert sum(by_part.values()) == document["fvcore"]["total"]


def test_cost_says_which_convention_is_which(harness):
    said = harness("cost", "efficientdet_d5").stdout
    assert "135,353,202,989" in said
    assert "upsampling does not (tables 1, 2, the README)" in said
    assert "They differ in what counts beside convolutions" in said
    assert "fvcore did not count it, its rules did: not run: tracing 134 billion" in said
    assert "130B FLOPs, counted as tf_profiler_2020_05" in said


def test_the_papers_short_names_are_understood_in_errors(harness):
    said = harness("cost", "D0")
    assert said.exit_code == 2
    assert said.stderr.strip() == "no model or topology 'D0'; did you mean 'efficientdet_d0'?"


def test_kill_in_mid_study_and_the_same_command_again(small_study, fake_trial, tmp_path):
    """SIGKILL after two finished trials; the second command trains the others, and no other."""
    folder = tmp_path / "modules"
    slow = "import time\nimport fake_trial\n\ndef work(*args):\n    time.sleep(0.3)\n"
    (folder / "slow_trial.py").write_text(slow + "    return fake_trial.work(*args)\n")
    small_study.write_text(
        small_study.read_text() + "data: {name: shapes, train_images: 4, val_images: 2}\n"
    )
    command = ["run", str(small_study), "--engine", "inline", "--trial", "slow_trial:work"]
    ledger = tmp_path / "results" / "ledger"
    first = start(command, tmp_path)
    while len(list(ledger.glob("*/record.json"))) < 3:
        assert first.is_alive()
        time.sleep(0.02)
    first.kill()
    first.join()
    kept = {path: path.read_bytes() for path in ledger.glob("*/record.json")}
    assert 3 <= len(kept) < 7
    second = start(command, tmp_path)
    assert "12 cells: 6 done, 6 alias" in said(second, tmp_path)
    assert second.exitcode == 0
    assert all(path.read_bytes() == text for path, text in kept.items())
    calls = [path.name for path in (tmp_path / "results" / "calls").iterdir()]
    again = [name for name in calls if name.endswith("-2")]
    assert len(again) <= 1  # the one that was under way
    assert not {name[:-2] for name in again} & {path.parent.name for path in kept}


def test_two_drivers_on_one_ledger_share_the_work(small_study, fake_trial, tmp_path):
    """Started together: each trial is trained by one of them, and both end with all of it."""
    folder = tmp_path / "modules"
    (folder / "claimed_trial.py").write_text(
        "import time\nimport fake_trial\nfrom harness.claims import held\n"
        "from harness.ledger import Ledger\n\n"
        "def work(spec, where, on_epoch):\n"
        "    ledger = Ledger(where.results)\n"
        "    with held(ledger.folder(spec.id), poll_s=0.05) as (_, waited):\n"
        "        if waited and ledger.has(spec.id):\n"
        "            return ledger.get(spec.id)\n"
        "        time.sleep(0.4)\n"
        "        return ledger.write(fake_trial.work(spec, where, on_epoch))\n"
    )
    small_study.write_text(
        small_study.read_text() + "data: {name: shapes, train_images: 4, val_images: 2}\n"
    )
    command = ["run", str(small_study), "--engine", "inline", "--trial", "claimed_trial:work"]
    drivers = [start([*command, "--reports", f"reports{i}"], tmp_path) for i in range(2)]
    assert all("12 cells: 6 done, 6 alias" in said(driver, tmp_path) for driver in drivers)
    assert [driver.exitcode for driver in drivers] == [0, 0]
    calls = [path.name for path in (tmp_path / "results" / "calls").iterdir()]
    assert sorted(name[-2:] for name in calls) == ["-1"] * 7
    processes = [path.read_text().split()[0] for path in (tmp_path / "results/calls").iterdir()]
    assert len(set(processes)) == 2, "one of them did nothing"


CLASH = """
name: clash
rows:
  a: {from: [in, in.finer], fuse: concat, block: none}
  b:
    from: [a, {from: a.finer, projection: none}]
    projection: none
"""


@pytest.mark.parametrize("options", [[], ["--build"]])
def test_channels_that_cannot_meet_are_told_at_their_row(harness, tmp_path, options):
    (tmp_path / "clash.yaml").write_text(CLASH)
    result = harness("check", *options, "clash.yaml")
    assert result.exit_code == 2
    said = (
        "clash.yaml:5  rows.b: p4_b inputs of [128, 64] channels cannot meet without a projection"
    )
    assert said in result.stderr
