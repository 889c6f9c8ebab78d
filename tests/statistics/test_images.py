"""AP on resampled images equals COCOeval's, at a small part of its time."""

import numpy as np
import pytest

from harness.evaluate import coco_matches, coco_metrics, collect
from harness.matches import from_arrays, to_arrays
from harness.statistics import images as module
from harness.statistics.images import ap_draws, image_weights
from tests.statistics.scenes import drawn, scene

METRICS = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")


def near(value: float, reference: float | None) -> bool:
    return np.isnan(value) if reference is None else abs(value - reference) < 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_draws_equal_cocoeval_on_the_drawn_images(seed):
    truth, found = scene(seed)
    needs = ["none", "context", "context", "extent", "none"]
    matches = coco_matches(truth, collect(found), needs=needs)[1]
    weights = image_weights(len(found), 6, seed)
    draws = ap_draws(matches, weights)
    assert weights.max() > 1
    for draw, counts in enumerate(weights):
        reference = coco_metrics(*drawn(truth, found, counts), needs=needs)
        for name in METRICS:
            assert near(draws[name][draw], getattr(reference, name)), name
        for name, ap in reference.ap_per_class.items():
            assert near(draws[f"class.{name}"][draw], ap), name
        for name, ap in reference.ap_by_need.items():
            assert near(draws[f"need.{name}"][draw], ap), name


def test_a_class_that_no_drawn_image_has_is_left_out():
    truth, found = scene(0)
    matches = coco_matches(truth, collect(found))[1]
    without_first = np.ones((1, len(found)), int)
    without_first[0, 0] = 0
    draws = ap_draws(matches, without_first)
    assert np.isnan(draws["class.class 3"][0])
    assert near(draws["ap"][0], coco_metrics(*drawn(truth, found, without_first[0])).ap)


def test_every_image_once_gives_the_metrics_themselves():
    truth, found = scene(1)
    metrics, matches = coco_matches(truth, collect(found))
    assert metrics == coco_metrics(truth, collect(found))
    draws = ap_draws(matches, np.ones((1, len(found)), int))
    assert all(near(draws[name][0], getattr(metrics, name)) for name in METRICS)


def test_no_detections_and_no_objects():
    truth, _ = scene(2)
    none = collect([])
    weights = image_weights(len(truth["images"]), 3)
    assert ap_draws(coco_matches(truth, none)[1], weights)["ap"].tolist() == [0, 0, 0]
    empty = {**truth, "annotations": []}
    assert np.isnan(ap_draws(coco_matches(empty, none)[1], weights)["ap"]).all()


def test_detections_beyond_the_most_an_image_count_nowhere():
    truth, found = scene(3)
    few = coco_matches(truth, collect(found), max_detections=2)[1]
    weights = np.ones((1, len(found)), int)
    reference = coco_metrics(truth, collect(found), max_detections=2)
    assert near(ap_draws(few, weights)["ap"][0], reference.ap)


def test_draws_do_not_depend_on_how_many_are_made_at_a_time(monkeypatch):
    truth, found = scene(0)
    matches = coco_matches(truth, collect(found))[1]
    weights = image_weights(len(found), 5)
    whole = ap_draws(matches, weights)["ap"]
    monkeypatch.setattr(module, "AT_ONCE", 1)
    assert ap_draws(matches, weights)["ap"].tolist() == whole.tolist()


def test_weights_are_draws_with_replacement_and_the_same_for_all():
    weights = image_weights(30, 400)
    assert weights.shape == (400, 30)
    assert (weights.sum(axis=1) == 30).all()
    assert (weights == image_weights(30, 400)).all()
    assert (weights != image_weights(30, 400, seed=1)).any()
    assert abs(weights.var() - (1 - 1 / 30)) < 0.03


def test_matches_come_back_from_arrays():
    truth, found = scene(0)
    matches = coco_matches(truth, collect(found), needs=["none"] * 5)[1]
    back = from_arrays(to_arrays(matches))
    assert (back.categories, back.needs) == (matches.categories, matches.needs)
    for name in ("images", "image", "category", "score", "hit", "ignored", "positives"):
        old, new = getattr(matches, name), getattr(back, name)
        assert old.dtype == new.dtype
        assert np.array_equal(old, new), name
