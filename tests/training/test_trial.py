"""A whole trial on generated images: its record, its files, and what goes wrong."""

import dataclasses
import json
import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import torch

from harness import trial
from harness.claims import held
from harness.data import open_data
from harness.engines import LedgerSink
from harness.engines.base import perform
from harness.evaluate import coco_metrics
from harness.graph import expand, parse, to_tree
from harness.latency import measure
from harness.ledger import Ledger
from harness.space.data import DataSpec
from harness.space.model import BackboneSpec, FeatureNetworkSpec
from harness.space.trial import Seeds
from harness.space.workplace import Workplace
from harness.training import feeds
from harness.trial import load_trained, run_trial
from harness.truths import read_truth

DATA = DataSpec(train_images=12, val_images=6)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def where(results, tmp_path):
    """A place of its own that shares generated data and features with the other tests."""
    own = tmp_path / "results"
    own.mkdir()
    (results / "cache").mkdir(exist_ok=True)
    (own / "cache").symlink_to(results / "cache")
    return Workplace(own, device="cpu")


@pytest.fixture(autouse=True)
def _short_latency(monkeypatch):
    monkeypatch.setattr(trial, "measure", partial(measure, budget=0.05))


@pytest.fixture
def shapes(where, small_trial):
    facts = open_data(DATA, 64, where.cache).facts

    def make(**fields):
        return small_trial(facts=facts, data=DATA, **fields)

    return make


def told(record):
    """What does not depend on when and where a trial ran."""
    return dataclasses.replace(
        record,
        environment=None,
        seconds=0,
        latency=None,
        peak_memory_mb=None,
        images_per_second=None,
        data_wait_share=None,
        curve=tuple(
            dataclasses.replace(row, seconds=0, images_per_second=0, data_wait_share=0)
            for row in record.curve
        ),
    )


def test_a_trial_ends_with_a_whole_record(shapes, where):
    spec, epochs = shapes(epochs=2), []
    record = run_trial(spec, where, epochs.append)
    assert record.status == "done", record.traceback
    assert record == Ledger(where.results).get(spec.id)
    assert record.cost.params == sum(part.params for part in record.cost.parts.values())
    assert record.cost.fvcore_params == record.cost.params
    assert record.cost.fvcore_total > record.cost.macs
    assert 0 <= record.metrics.ap <= 1
    assert set(record.metrics.ap_by_need) == {"context", "extent", "none"}
    assert [row.epoch for row in record.curve] == [1, 2]
    assert [len(row.fusion_weights) for row in record.curve] == [4, 4]
    assert record.latency.median_ms > 0
    assert record.peak_memory_mb > 50
    assert record.images_per_second > 0
    assert 0 <= record.data_wait_share < 1
    assert [(facts["epoch"], facts["epochs"]) for facts in epochs] == [(1, 2), (2, 2)]
    json.dumps(epochs)


def test_its_detections_and_log_stand_beside_the_record(shapes, where):
    spec = shapes(epochs=1)
    run_trial(spec, where)
    ledger = Ledger(where.results)
    found = ledger.detections(spec.id)
    assert set(found) == {"image", "category", "score", "box"}
    assert (np.diff(found["image"]) >= 0).all()
    assert found["box"].min() >= 0
    assert found["box"].max() <= 64
    truth = read_truth(where.results, spec.facts.fingerprint)
    told = {"needs": spec.facts.needs, "bands": truth.bands}
    assert coco_metrics(truth.document, found, **told) == ledger.get(spec.id).metrics
    assert len(truth.pictures) == 6
    log = (ledger.folder(spec.id) / "log.txt").read_text()
    for words in ("epoch 1 of 1: loss", "training:", "evaluation:", "feeds:", "done after"):
        assert words in log
    assert not [
        handler
        for handler in logging.getLogger("harness").handlers
        if isinstance(handler, logging.FileHandler)
    ]


def test_the_same_trial_has_the_same_digits(shapes, where, tmp_path):
    spec = shapes()
    first = run_trial(spec, where)
    torch.rand(5)
    second = run_trial(spec, dataclasses.replace(where, results=tmp_path / "again"))
    assert told(first) == told(second)
    assert first.metrics.ap is not None


def test_a_killed_trial_goes_on_to_the_same_record(shapes, where, tmp_path):
    spec = shapes(epochs=3)
    whole = run_trial(spec, where)
    other = dataclasses.replace(where, results=tmp_path / "other")

    def stop(facts):
        if facts["epoch"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trial(spec, other, stop)
    assert not Ledger(other.results).has(spec.id)
    resumed = run_trial(spec, other)
    assert (
        "going on from the checkpoint after epoch 1"
        in (other.results / "ledger" / spec.id / "log.txt").read_text()
    )
    assert told(resumed) == told(whole)
    both = [Ledger(place.results).detections(spec.id) for place in (where, other)]
    assert all(np.array_equal(both[0][name], both[1][name]) for name in both[0])


def test_kept_features_stand_for_images(shapes, where, tmp_path, monkeypatch):
    spec = shapes()
    kept = run_trial(spec, where)
    monkeypatch.setattr(feeds, "keeps_features", lambda spec: False)
    pixels = run_trial(spec, dataclasses.replace(where, results=tmp_path / "pixels"))
    assert "kept features" in (Ledger(where.results).folder(spec.id) / "log.txt").read_text()
    for one, other in zip(kept.curve, pixels.curve, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-4)
    assert kept.metrics.ap == pytest.approx(pixels.metrics.ap, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "keeps"),
    [({}, True), ({"augmentation": {"scale": (0.5, 1.0)}}, False),
     ({"backbone": BackboneSpec(name="lcnet_035", frozen=2)}, False)],
)  # fmt: skip
def test_features_are_kept_only_where_they_never_change(small_trial, change, keeps):
    assert feeds.keeps_features(small_trial(**change)) is keeps


def test_kept_features_are_of_this_code_epoch(shapes, where):
    """Features that other code prepared are no cache hit."""
    spec = shapes(epochs=1)
    folder = where.cache / "features"
    run_trial(spec, where)
    before = {path.name for path in folder.iterdir()}
    run_trial(spec.model_copy(update={"code_epoch": spec.code_epoch + 1}), where)
    assert {path.name for path in folder.iterdir()} > before


def test_a_network_that_reads_finer_maps_finds_them_kept(shapes, where):
    """One frozen backbone, networks that read different levels of it: each has its own."""
    tree = {"levels": "p3..p5", "inputs": "p2..p5", "rows": {"out": {"from": ["in", "in.finer"]}}}
    finer = FeatureNetworkSpec(graph=to_tree(expand(parse(tree))), width=8)
    spec = shapes(epochs=1)
    model = spec.model.model_copy(update={"feature_network": finer})
    for one in (spec, spec.model_copy(update={"model": model})):
        assert run_trial(one, where).status == "done"


def test_divergence_is_a_record(shapes, where):
    spec = shapes(epochs=3, optimizer={"learning_rate": 1e18, "clip_norm": None})
    record = run_trial(spec, where)
    assert record.status == "diverged"
    assert "the loss is" in record.reason
    assert record.metrics is None
    assert record.cost is not None
    assert Ledger(where.results).get(spec.id) == record


def test_a_failure_is_a_record_with_its_traceback(shapes, where, monkeypatch):
    def fails(*args, **kwargs):
        raise RuntimeError("no such luck")

    monkeypatch.setattr(trial, "predict", fails)
    spec = shapes(epochs=1)
    record = run_trial(spec, where)
    assert (record.status, record.reason) == ("failed", "RuntimeError: no such luck")
    assert 'raise RuntimeError("no such luck")' in record.traceback
    assert Ledger(where.results).get(spec.id) == record
    assert "no such luck" in (Ledger(where.results).folder(spec.id) / "log.txt").read_text()
    monkeypatch.undo()
    assert run_trial(spec, where).status == "done"
    assert Ledger(where.results).get(spec.id).attempt == 2


def test_a_used_process_and_a_fresh_one_give_the_same_record(shapes, where, tmp_path):
    """Ray's workers go from trial to trial."""
    spec = shapes(epochs=2)
    run_trial(spec.model_copy(update={"seeds": Seeds.all(7)}), where)
    torch.manual_seed(99)
    np.random.seed(99)
    used = run_trial(spec, where)
    code = (
        "import sys, pathlib; from harness.space.trial import TrialSpec\n"
        "from harness.space.workplace import Workplace; from harness.trial import run_trial\n"
        "spec = TrialSpec.model_validate_json(sys.stdin.read())\n"
        "run_trial(spec, Workplace(pathlib.Path(sys.argv[1]), device='cpu'))\n"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "fresh")]
    subprocess.run(words, check=True, text=True, input=spec.model_dump_json())
    fresh = Ledger(tmp_path / "fresh").get(spec.id)
    assert (fresh.status, fresh.cost, fresh.metrics) == (used.status, used.cost, used.metrics)
    losses = [[(r.loss, r.fusion_weights) for r in record.curve] for record in (used, fresh)]
    assert losses[0] == losses[1]
    assert fresh.detections == used.detections  # named by what they hold


def test_a_failure_is_recorded_once(shapes, where, monkeypatch):
    """The trial keeps its record itself, and the engine sees to it that there is one."""
    monkeypatch.setattr(trial, "predict", lambda *_: 1 / 0)
    spec = shapes(epochs=1)
    perform(run_trial, spec, where, lambda facts: None, LedgerSink())
    assert not list(Ledger(where.results).folder(spec.id).glob("attempt-*"))


def test_evaluating_on_the_way_changes_nothing(shapes, where, tmp_path):
    spec = shapes(epochs=3)
    plain = run_trial(spec, where)
    there = dataclasses.replace(where, results=tmp_path / "other", evaluate_at=(1, 2), keep="best")
    seen = []
    looked = run_trial(spec, there, seen.append)
    assert looked.metrics == plain.metrics
    losses = [[row.loss for row in record.curve] for record in (plain, looked)]
    assert losses[0] == losses[1]
    assert [rung.epoch for rung in looked.rungs] == [1, 2, 3]
    assert looked.rungs[-1].ap == looked.metrics.ap
    assert [facts["ap"] for facts in seen] == [looked.rungs[0].ap, looked.rungs[1].ap, None]
    assert not there.checkpoint(spec.id).exists()
    assert there.best(spec.id).exists()
    assert Ledger(there.results).partial(spec.id) is None
    best = load_trained(spec, there).state_dict()
    last = load_trained(spec, where).state_dict()
    assert best.keys() == last.keys()


def test_no_checkpoint_is_kept_where_none_is_asked_for(shapes, where):
    spec = shapes(epochs=1)
    run_trial(spec, dataclasses.replace(where, keep="none"))
    assert not list(where.checkpoint(spec.id).parent.glob("*.pt"))


def test_other_data_than_planned_are_refused(shapes, where):
    spec = shapes()
    spec = spec.model_copy(update={"data": DataSpec(train_images=11, val_images=6)})
    record = run_trial(spec, where)
    assert record.status == "data_fault"
    assert "the data have changed since this trial was planned" in record.reason


def test_two_processes_do_not_train_one_trial_at_once(shapes, where, monkeypatch):
    """The second waits for the first and takes its record."""
    spec = shapes(epochs=1)
    first = run_trial(spec, where)
    record = Ledger(where.results).folder(spec.id) / "record.json"
    whole = record.read_bytes()
    record.unlink()
    monkeypatch.setattr(trial, "_attempt", lambda *_: pytest.fail("trained twice"))
    with ThreadPoolExecutor(1) as pool:
        with held(Ledger(where.results).folder(spec.id)):
            second = pool.submit(run_trial, spec, where)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.3)
            record.write_bytes(whole)
        assert second.result(timeout=10) == first


def test_a_trial_that_another_has_done_since_is_not_trained(shapes, where, monkeypatch):
    """The other has been and gone: there is no claim to wait for."""
    spec = shapes()
    first = run_trial(spec, where)
    monkeypatch.setattr(trial, "_attempt", lambda *_: pytest.fail("trained again"))
    assert run_trial(spec, where) == first


def test_a_precision_that_is_not_there_fails_before_anything_is_built(shapes, where):
    record = run_trial(shapes(precision="float16"), where)
    assert record.reason == "recipe.precision: float16 is not to be had on this cpu"


def test_fvcore_is_not_asked_about_large_networks(shapes, where, monkeypatch):
    monkeypatch.setattr(trial, "COUNTED_MACS", 1)
    record = run_trial(shapes(epochs=1), where)
    assert record.cost.macs > 1
    assert record.cost.fvcore_total is None


def test_a_backbone_trained_by_one_trial_serves_the_next(shapes, where):
    source = shapes(epochs=1, backbone=BackboneSpec(name="lcnet_035"))
    spec = shapes(epochs=1, backbone=BackboneSpec(name="lcnet_035", source=source, frozen="all"))
    record = run_trial(spec, where)
    assert f"the backbone of trial {source.id} is not there" in record.reason
    assert run_trial(source, dataclasses.replace(where, for_backbone=True)).status == "done"
    trained = load_trained(source, where)
    where.checkpoint(source.id).unlink()  # as by a second process that has just begun it again
    assert run_trial(spec, where).status == "done"
    taken = load_trained(spec, where)
    for name, value in trained.backbone.state_dict().items():
        assert torch.equal(value, taken.backbone.state_dict()[name])


def test_a_trained_network_is_found_again(shapes, where):
    spec = shapes(epochs=1)
    run_trial(spec, where)
    network = load_trained(spec, where)
    assert not network.training
    outputs = network(torch.zeros(1, 3, 64, 64))
    assert len(outputs.classes) == 3
