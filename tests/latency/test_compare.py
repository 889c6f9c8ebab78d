"""Arms of a study from the model to the file: what is measured, and what is said where not."""

import json

import pytest
import torch
from click.testing import CliRunner

import harness.latency.compare as compare_module
from harness.cli import main
from harness.door.latency import _facts, models_of
from harness.errors import SpecError, TrialError
from harness.latency.compare import compare
from harness.latency.stepwise import FastTerms, StackedSoftmax
from harness.space.data import DataSpec
from harness.space.profiles import load_study
from harness.timings import Conditions, read_timings

STUDY = """\
question: Which fusion?
model:
  image_size: 64
  pretrained: true
  backbone: {name: lcnet_050}
  feature_network: {topology: bifpn, width: 8, repeats: 1, projection: always}
  head: {depth: 1}
arms:
  sum: {model.feature_network.fuse: sum}
  softmax: {model.feature_network.fuse: {weighted: softmax}}
  fast: {model.feature_network.fuse: {weighted: fast}}
  free: {model.feature_network.fuse: {weighted: none}}
vary:
  recipe.optimizer.learning_rate: [0.1, 0.2]
baseline: softmax
data: {name: coco}
published:
  source: paper, table 6
  rows:
    - {arm: fast, label: Model1, figures: {ap: 33.85, speedup: 1.28x}}
    - {arm: fast, label: Model2, figures: {speedup: 1.26x}}
"""
BOTH = ("softmax", "fast")


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "fusing.yaml"
    path.write_text(STUDY)
    return path


def test_arms_are_built_without_data_or_weights(study):
    """`pretrained` would fetch weights, `coco` without a folder would be an error."""
    models = models_of(load_study(study), BOTH, 96)
    assert tuple(models) == BOTH
    for model in models.values():
        assert (model.image_size, model.num_classes) == (96, 90)
        assert not model.backbone.pretrained
    assert len(_facts(DataSpec(), 64).categories) < 90


def test_without_names_every_arm_is_measured_by_the_baseline(study):
    assert tuple(models_of(load_study(study), ())) == ("softmax", "sum", "fast", "free")


def test_axes_of_the_model_make_arms_of_their_own(study):
    study.write_text(STUDY.replace("vary:\n", "vary:\n  model.feature_network.width: [8, 16]\n"))
    models = models_of(load_study(study), ("fast, width 16", "fast, width 8"))
    assert [m.feature_network.width for m in models.values()] == [16, 8]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("softmx", "fsat"), "no arm 'softmx' in .*did you mean 'softmax'.*\n.*mean 'fast'"),
        (("fast",), "compares two arms or more; it has sum, softmax, fast, free"),
        (("fast", "fast"), "compares two arms or more"),
    ],
)
def test_arms_that_cannot_be_compared(study, names, said):
    with pytest.raises(SpecError, match=said):
        models_of(load_study(study), names)


@pytest.fixture
def backwards(monkeypatch):
    """torch.compile that compiles nothing, so that no test waits for a C++ compiler."""
    seen = []

    def compile(network, **options):
        seen.append((type(network).__name__, options["fullgraph"]))
        return lambda given: network(given)

    monkeypatch.setattr(torch, "compile", compile)
    return seen


def test_each_part_is_measured_in_each_form(study, backwards):
    found = list(compare(models_of(load_study(study), BOTH), Conditions("cpu", 1, 2)))
    assert [(one.setting.part, one.setting.mode) for one in found] == [
        (part, mode)
        for part in ("feature_network", "model")
        for mode in ("stepwise", "eager", "compiled")
    ]
    for one in found:
        assert one.reason is None
        assert {arm: len(times) for arm, times in one.milliseconds.items()} == dict.fromkeys(
            BOTH, 2
        )
        assert all(value > 0 for times in one.milliseconds.values() for value in times)
        assert one.setting.models == ("lcnet_050, bifpn, width 8, 1 repeat, 64 px",) * 2
        assert one.setting.device.startswith("cpu: ")
        assert (one.setting.batch, one.setting.threads) == (1, 1)
    assert backwards == [("FeatureNetwork", True)] * 2 + [("Detector", True)] * 2


def noting(called, name, own):
    def forward(self, *inputs):
        called.append(name)
        return own(self, *inputs)

    return forward


def test_what_runs_is_what_is_said(study, monkeypatch, backwards):
    """The modules handed to the clock: step by step in one mode, ours in the others."""
    calls = []

    def take(runs, rounds, clock):
        calls.append({arm: run() for arm, run in runs.items()})
        return dict.fromkeys(runs, (1.0,)), 1

    called = []
    for form in (StackedSoftmax, FastTerms):
        counted = noting(called, form.__name__, form.forward)
        monkeypatch.setattr(form, "forward", counted)
    monkeypatch.setattr(compare_module, "interleave", take)
    list(compare(models_of(load_study(study), BOTH), Conditions("cpu", 1, 1)))
    # once to see that it runs and once by the clock, eight nodes a cell, two parts
    assert called.count("StackedSoftmax") == called.count("FastTerms") == 2 * 2 * 8
    for published, *others in (calls[:3], calls[3:]):
        for arm in BOTH:
            for other in others:
                torch.testing.assert_close(other[arm], published[arm], rtol=1e-4, atol=1e-5)


def test_a_form_that_cannot_be_had_says_why(study, monkeypatch):
    def broken(network, **options):
        raise RuntimeError("no C++ compiler\nand more")

    monkeypatch.setattr(torch, "compile", broken)
    arms = models_of(load_study(study), ("softmax", "free"))
    found = compare(arms, Conditions("cpu", 1, 2, parts=("feature_network",)))
    reasons = {one.setting.mode: one.reason for one in found}
    assert reasons == {
        "stepwise": "the paper's framework has no weighted fuse with norm none",
        "eager": None,
        "compiled": "RuntimeError: no C++ compiler",
    }


def test_an_error_of_the_network_itself_is_not_hidden(study, monkeypatch):
    def broken(*args):
        raise ZeroDivisionError

    monkeypatch.setattr("harness.compiler.network.FeatureNetwork.forward", broken)
    models = models_of(load_study(study), BOTH)
    with pytest.raises(ZeroDivisionError):
        list(compare(models, Conditions("cpu", 1, 2, modes=("eager",))))


def test_a_precision_that_is_not_there(study, monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    with pytest.raises(TrialError, match="bfloat16 is not to be had"):
        list(compare(models_of(load_study(study), BOTH), Conditions("cpu", precision="bfloat16")))


def command(*args):
    return CliRunner().invoke(main, ["latency", *map(str, args)], catch_exceptions=False)


def test_the_command_writes_its_file_and_shows_it(study, tmp_path):
    results = tmp_path / "results"
    args = (study, *BOTH, "--results", results, "--rounds", 6, "--part", "feature_network",
            "--device", "cpu")  # fmt: skip
    shown = command(*args, "--mode", "eager", "--mode", "stepwise")
    assert shown.exit_code == 0, shown.output
    assert "times as fast as softmax" in shown.stdout
    assert (
        "published, on the paper's device: Model1 1.28x, Model2 1.26x (paper, table 6)"
        in shown.stdout
    )
    assert "feature network, stepwise" in shown.stdout
    assert "lcnet_050, bifpn, width 8, 1 repeat, 64 px" in shown.stdout
    assert shown.stderr == "feature network, stepwise: 6 rounds\nfeature network, eager: 6 rounds\n"
    kept = read_timings(results, "fusing", "default")
    assert [one.setting.mode for one in kept.comparisons] == ["stepwise", "eager"]
    document = json.loads(command(*args, "--mode", "eager", "--json").stdout)
    (one,) = document["comparisons"]
    assert (one["arms"], one["mode"]) == (list(BOTH), "eager")
    (speedup,) = one["speedups"]
    assert speedup["rounds"] == 6
    assert speedup["interval"][0] <= speedup["median"] <= speedup["interval"][1]
    assert document["file"] == str(results / "latency" / "fusing" / "default.json")
    again = read_timings(results, "fusing", "default")
    assert len(again.comparisons) == 2
    assert again.comparisons[0] == kept.comparisons[0]


def test_the_command_on_bad_input(study, tmp_path):
    wrong = command(study, "softmx", "fast", "--results", tmp_path)
    assert wrong.exit_code == 2
    assert "no arm 'softmx'" in wrong.stderr
    assert "--device tpu: should be" in command(study, *BOTH, "--device", "tpu").stderr
    assert not (tmp_path / "latency").exists()


@pytest.mark.slow
def test_it_compiles_for_real(study):
    models = models_of(load_study(study), BOTH)
    only = Conditions("cpu", 1, 2, parts=("feature_network",), modes=("compiled",))
    (one,) = compare(models, only)
    assert one.reason is None
    assert one.speedups()[0].rounds == 2
