"""Short runs: what is measured is whole, kept, and not measured again."""

import math

import pytest

from harness import calibrate as calibrating
from harness.calibrate import AT_MOST, STRETCHES, calibrate, chosen_of
from harness.calibrations import Calibration, Rates, calibration_path, group_key
from harness.data import open_data
from harness.space.data import DataSpec
from harness.space.model import BackboneSpec
from harness.space.workplace import Workplace
from harness.training.short import Short, first_of


@pytest.fixture
def where(tmp_path):
    return Workplace(tmp_path / "results", device="cpu")


@pytest.fixture
def trial(where, small_trial):
    """A trial of eight generated images; keyword arguments change its fields."""
    data = DataSpec(train_images=8, val_images=4)
    facts = open_data(data, 64, where.cache).facts

    def trial(width: int = 8, **fields):
        spec = small_trial(data=data, facts=facts, **fields)
        network = spec.model.feature_network.model_copy(update={"width": width})
        model = spec.model.model_copy(update={"feature_network": network})
        return spec.model_copy(update={"model": model})

    return trial


@pytest.mark.parametrize("frozen", ["all", "none"])
def test_rates_of_features_and_of_pixels(where, trial, frozen):
    spec = trial(backbone=BackboneSpec(name="lcnet_035", frozen=frozen))
    said: list[str] = []
    [(key, found)] = calibrate(
        [spec, trial(seed=1, backbone=spec.model.backbone)], where, said.append, 0.0
    ).items()
    assert key == group_key(spec)
    assert found.reason is None
    assert found.steps == 2 * STRETCHES
    rates = found.rates
    assert len(rates.step) == STRETCHES
    numbers = (*rates.step, rates.evaluation, rates.fixed)
    assert all(math.isfinite(number) and number > 0 for number in numbers)
    assert (rates.features > 0) == (frozen == "all")
    assert found.device.startswith("cpu: ")
    assert calibration_path(where.results, spec, found.device, 1).exists()
    assert len(said) == 1
    assert calibrate([spec], where, said.append, 0.0) == {key: found}
    assert len(said) == 1
    assert not (where.results / "checkpoints").exists()
    assert not (where.results / "ledger").exists()


def test_another_thread_count_is_measured_by_itself(where, trial):
    spec = trial()
    one = calibration_path(where.results, spec, "cpu: AMD EPYC 7", 1)
    assert one.parent.name == "cpu-amd-epyc-7-1"
    assert one != calibration_path(where.results, spec, "cpu: AMD EPYC 7", 2)


def test_what_goes_wrong_is_a_reason_and_is_tried_again(where, trial, monkeypatch):
    def broken(*args):
        raise RuntimeError("no memory")

    monkeypatch.setattr(calibrating, "_rates", broken)
    [found] = calibrate([trial()], where).values()
    assert (found.rates, found.reason) == (None, "RuntimeError: no memory")
    monkeypatch.undo()
    [found] = calibrate([trial()], where, budget=0.0).values()
    assert found.rates


def test_of_many_networks_some_are_measured_and_others_stand_between(where, trial, monkeypatch):
    specs = [trial(width) for width in range(8, 8 + 2 * 12, 2)]
    measured = []

    def fake(spec, where, device, name, budget):
        measured.append(spec.model.feature_network.width)
        width = float(measured[-1])
        return Calibration({}, name, 1, "2", "now", None, Rates((width,), 0, 0, 0, 0), 6)

    monkeypatch.setattr(calibrating, "_measured", fake)
    found = calibrate(specs, where)
    assert len(found) == 12
    assert len(measured) == AT_MOST
    assert {8, 30} <= set(measured)
    between = [group_key(s) for s in specs if s.model.feature_network.width not in measured]
    assert [key for key in found if found[key].interpolated] != []
    assert {key for key in found if found[key].interpolated} == set(between)
    for spec in specs:
        width = spec.model.feature_network.width
        assert found[group_key(spec)].rates.step[0] == pytest.approx(width, rel=0.1)
    kept = list((where.results / "calibrations").glob("*/*.json"))
    assert len(kept) == AT_MOST


def test_few_networks_are_all_measured(trial):
    family = {str(width): trial(width) for width in (8, 16)}
    assert chosen_of(family, many=True) == ["8", "16"]


def test_a_short_feed_goes_over_its_batches_again():
    class Two:
        def __len__(self):
            return 2

        def epoch(self, number):
            yield from (f"{number}a", f"{number}b")

    feed = Short(Two(), 3)
    assert len(feed) == 3
    assert list(feed.epoch(1)) == ["1a", "1b", "1a"]


def test_first_images_have_their_own_truth(where, trial):
    few = first_of(open_data(trial().data, 64, where.cache), 3, 2)
    assert (len(few.train), len(few.val)) == (3, 2)
    assert [image["id"] for image in few.truth["images"]] == list(few.val.ids)
    assert {row["image_id"] for row in few.truth["annotations"]} <= set(few.val.ids)
    assert few.facts.fingerprint != open_data(trial().data, 64, where.cache).facts.fingerprint
