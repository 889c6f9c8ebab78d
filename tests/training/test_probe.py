"""Networks put through a first step: what is found and named, and what is left as it was."""

import dataclasses
from contextlib import contextmanager
from functools import partial

import pytest
import torch
from torch import nn

from harness import trial
from harness.data import open_data
from harness.errors import TrialError
from harness.gating import IDLE_ARM, ProbeSink, gate
from harness.graph import expand, parse, to_tree, with_fields
from harness.graph.args import whole
from harness.graph.ops import BLOCKS as BLOCK_FACTS
from harness.graph.ops import OpSpec
from harness.latency import measure
from harness.ledger import Ledger
from harness.ops import BLOCKS
from harness.plan import make_plan
from harness.probe import probe
from harness.probes import Probes
from harness.run import Orders, run_study
from harness.space.data import DataSpec
from harness.space.model import BackboneSpec, FeatureNetworkSpec
from harness.space.profiles import load_study
from harness.space.workplace import Workplace
from harness.space.zoo import load_topology
from harness.trial import run_trial

DATA = DataSpec(train_images=12, val_images=6)
TRAINED = BackboneSpec(name="lcnet_035")


@pytest.fixture
def where(tmp_path):
    return Workplace(tmp_path / "results", device="cpu")


@pytest.fixture
def network(small_trial):
    """A trial of a network of the zoo, at 64 px, with fields laid over it."""

    def network(name="bifpn", *, repeats=1, fields=None, **changes):
        tree = with_fields(load_topology(name).tree, {"levels": "p3..p6", **(fields or {})})
        graph = to_tree(expand(parse(tree), repeats=repeats))
        spec = small_trial(**changes)
        own = FeatureNetworkSpec(graph=graph, width=8)
        model = spec.model.model_copy(update={"feature_network": own})
        return spec.model_copy(update={"model": model})

    return network


class Scaled(nn.Module):
    """A block of the user's own that cuts its parameter off, or gives another size."""

    def __init__(self, channels_in, channels_out, constants, *, k, cut=True, shape=None):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(channels_in))
        self.cut, self.shape = cut, shape

    def reset_parameters(self):
        nn.init.ones_(self.factor)

    def forward(self, x):
        factor = self.factor.detach() if self.cut else self.factor
        x = x * factor[:, None, None]
        return x if self.shape is None else nn.functional.interpolate(x, self.shape)


@contextmanager
def plugin(**behaviour):
    facts = OpSpec(args=(whole("k", 1),), arity=(1, 1), params=lambda op, shape: shape.channels_in)
    with (
        BLOCK_FACTS.temporary("scaled", facts),
        BLOCKS.temporary("scaled", partial(Scaled, **behaviour)),
    ):
        yield


def test_a_sound_network_has_no_complaint_and_shows_what_it_takes(network, where):
    found = probe(network(), where)
    assert (found.complaint, found.idle) == (None, {})
    assert found.memory_mb > 50
    assert found.latency_ms is None
    assert len(found.step) == 2 * 4 + 3 + 2
    assert probe(network(), where, latency=True).latency_ms > 0


@pytest.mark.parametrize("backbone", ["lcnet_050", "resnet18", "test_efficientnet"])
def test_a_trained_backbone_that_starts_with_zeros_is_sound(network, where, backbone):
    found = probe(network(backbone=BackboneSpec(name=backbone)), where)
    assert found.complaint is None


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("average", [None, 0.99])
def test_every_recipe_can_be_probed(network, where, precision, average):
    spec = network(precision=precision, schedule={"ema_decay": average, "warmup_epochs": 0.0})
    found = probe(spec, where)
    assert found.complaint is None or "bfloat16 is not to be had" in found.complaint


@pytest.mark.parametrize("name", ["afpn", "fpn_retinanet", "nas_fpn", "spinenet", "unet_pp"])
def test_networks_of_the_zoo_are_sound(small_trial, where, name):
    graph = to_tree(expand(load_topology(name)))
    spec = small_trial(backbone=BackboneSpec(name="lcnet_050"))
    model = spec.model.model_copy(
        update={"feature_network": FeatureNetworkSpec(graph=graph, width=16)}
    )
    assert probe(spec.model_copy(update={"model": model}), where).complaint is None


def test_a_parameter_that_is_cut_off_is_named(network, where):
    with plugin():
        found = probe(network(fields={"block": "scaled"}), where)
    assert found.complaint.startswith("parameter feature_network.p")
    assert ".block.factor gets no gradient" in found.complaint
    assert all(name.endswith(".block.factor") for name in found.idle)
    with plugin(cut=False):
        assert probe(network(fields={"block": "scaled"}), where).complaint is None


def test_a_weight_that_always_comes_out_as_one_is_named(network, where):
    """Softmax over a single input."""
    fields = {"rows": {"out": {"order": "up", "from": ["in"], "fuse": {"weighted": "softmax"}}}}
    found = probe(network(fields=fields), where)
    assert "gets a gradient of nothing but zeros" in found.complaint


def test_wrong_sizes_are_a_build_error_with_the_line(network, where):
    with plugin(cut=False, shape=(3, 3)):
        found = probe(network(fields={"block": "scaled"}), where)
    assert found.complaint.startswith("build error: RuntimeError: ")
    assert " (in " in found.complaint
    assert "_td_1" in found.complaint
    assert found.step == ()
    assert found.memory_mb is None


def test_outputs_of_another_size_than_the_anchors_are_told(network, where):
    with plugin(cut=False, shape=(3, 3)):
        fields = {"rows": {"out": {"order": "up", "from": ["in"], "block": "scaled"}}}
        found = probe(network(fields=fields), where)
    assert found.complaint == "build error: class_head gives (18, 3, 3) at p3, not (18, 8, 8)"


def test_a_loss_that_is_no_number_is_told(network, where):
    spec = network(optimizer={"learning_rate": 1e30, "clip_norm": None})
    found = probe(spec, where)
    assert found.complaint.startswith("its first step diverges: ")


def test_a_device_that_is_not_there_is_no_fault_of_the_network(network, where):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    absent = dataclasses.replace(where, device="cuda")
    with pytest.raises(TrialError):
        probe(network(), absent)
    assert ProbeSink().fail(network(), absent, TrialError("no"))["status"] == "not probed"
    assert Probes(absent).get(network()) is None


def test_probes_are_the_same_for_the_same_network_and_no_other(network, where):
    def step(**changes):
        return probe(network(**changes), where).step

    assert step() == step(seed=3)
    ones = {"fuse": {"weighted": {"norm": "none", "frozen": True}}}
    assert step(fields={"fuse": "sum"}) == pytest.approx(step(fields=ones), rel=1e-6)
    slightly = {"fuse": {"weighted": {"norm": "fast", "eps": 2e-4}}}
    assert step() != pytest.approx(step(fields=slightly), rel=1e-6)
    assert step() != step(backbone=TRAINED)


def told(record):
    """What does not depend on when a trial ran and how fast."""
    curve = tuple(
        dataclasses.replace(row, seconds=0, images_per_second=0, data_wait_share=0)
        for row in record.curve
    )
    return dataclasses.replace(
        record, environment=None, seconds=0, latency=None, peak_memory_mb=None,
        images_per_second=None, data_wait_share=None, curve=curve,
    )  # fmt: skip


def test_a_trial_after_a_probe_is_the_trial_without(small_trial, where, tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "measure", partial(measure, budget=0.01))
    facts = open_data(DATA, 64, where.cache).facts
    spec = small_trial(epochs=1, facts=facts, data=DATA)
    alone = run_trial(spec, where)
    other = Workplace(tmp_path / "other", device="cpu")
    before = spec.id
    probe(spec, other, latency=True)
    assert not (other.results / "checkpoints").exists()
    after = run_trial(spec, other)
    assert spec.id == before
    assert alone.status == "done"
    assert told(alone) == told(after)


STUDY = """\
question: Does anything help?
model:
  image_size: 64
  backbone: {name: lcnet_035, frozen: all}
  feature_network: {topology: bifpn, levels: [3, 5], width: 8, repeats: 1}
  head: {depth: 1}
arms:
  sum: {model.feature_network.fuse: sum}
  ones: {model.feature_network.fuse: {weighted: {norm: none, frozen: true}}}
baseline: sum
recipe: {batch_size: 4, schedule: {epochs: 1}, augmentation: {scale: [1, 1]}}
data: {train_images: 12, val_images: 6}
seeds: 2
"""


@pytest.fixture
def run(tmp_path, where):
    def run(text=STUDY, **orders):
        file = tmp_path / "study.yaml"
        file.write_text(text)
        return run_study(load_study(file), Orders(where, **orders), say=said.append)

    said: list[str] = []
    run.said = said
    return run


def test_an_idle_arm_is_rejected_at_run_time_and_never_trained(run, where, monkeypatch):
    monkeypatch.setattr(trial, "measure", partial(measure, budget=0.01))
    outcome = run()
    assert outcome.trained == 2
    assert [(cell.arm, cell.status) for cell in outcome.results.cells] == [
        ("sum", "done"), ("sum", "done"), ("ones", "rejected"), ("ones", "rejected"),
    ]  # fmt: skip
    assert outcome.results.cells[2].reason == IDLE_ARM
    assert len(list((where.results / "ledger").glob("*/record.json"))) == 2
    assert run.said == ["probing 2 networks", "training 2 trials"]
    again = run(STUDY.replace("seeds: 2", "seeds: 3"))
    assert again.trained == 1
    assert run.said[2:] == ["training 1 trial"]
    study = load_study(where.results.parent / "study.yaml")
    plan = make_plan(study, Ledger(where.results), lambda data, size: plan_facts(where))
    shown = gate(plan, Probes(where).get)
    assert [one.cell.status for one in shown.cells] == ["done"] * 3 + ["rejected"] * 3


def plan_facts(where):
    return open_data(DATA, 64, where.cache).facts


def test_a_tiny_limit_on_memory_rejects_all(run):
    outcome = run(STUDY + "limits: {memory_mb: 10}\n", limit=1)
    reasons = [cell.reason for cell in outcome.results.cells if cell.status == "rejected"]
    assert outcome.trained == 0
    assert reasons
    assert all("MB is over the limit of 10" in one for one in reasons if one != IDLE_ARM)


def test_a_users_own_training_is_not_probed(run, where, tmp_path, fake_trial, facts):
    from harness.trainers import Named

    file = tmp_path / "study.yaml"
    file.write_text(STUDY)
    study = load_study(file)
    outcome = run_study(study, Orders(where), work=Named(fake_trial), facts=facts)
    assert [cell.status for cell in outcome.results.cells] == ["done"] * 4
    assert not (where.results / "probes").exists()


SEARCH = """\
search:
  kind: random
  trials: 2
  space: {model.feature_network.width: {choices: [8, 16]}}
limits: {memory_mb: 10}
"""


def test_what_a_search_proposes_is_probed_by_the_worker_that_would_train_it(run, where):
    """No plan knows its networks: two proposals, both told as rejected, nothing in the ledger."""
    arms = STUDY[STUDY.index("arms:") : STUDY.index("recipe:")]
    text = STUDY.replace(arms, SEARCH).replace("seeds: 2", "seeds: 1")
    outcome = run(text)
    cells = {cell.arm: cell for cell in outcome.results.cells}
    assert cells.keys() == {"proposal 0", "proposal 1"}
    for cell in cells.values():
        assert cell.status == "rejected"
        assert "MB is over the limit of 10" in cell.reason
    assert not list((where.results / "ledger").glob("*/record.json"))
    assert len(list((where.results / "probes").iterdir())) == 2
    assert run(text).trained == 0
