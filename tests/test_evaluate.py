"""COCO metrics on cases small enough to know the answer."""

import numpy as np
import pytest

from harness.evaluate import coco_metrics, collect


def truth(annotations, images=2, categories=("a", "b")):
    return {
        "images": [{"id": i, "width": 100, "height": 100} for i in range(1, images + 1)],
        "categories": [{"id": 3 * k + 1, "name": name} for k, name in enumerate(categories)],
        "annotations": [
            {"id": number, "image_id": image, "category_id": category, "bbox": box, **more}
            for number, (image, category, box, more) in enumerate(annotations)
        ],
    }


TWO_IMAGES = truth(
    [(1, 1, [10, 10, 20, 20], {}), (1, 4, [50, 50, 40, 40], {}), (2, 1, [5, 5, 10, 10], {})]
)
"""Annotation ids start at 0, category ids have a gap, `area` and `iscrowd` are left out."""


def answers(rows):
    """(image, category index, score, x, y, w, h) -> detections."""
    by_image = {}
    for image, category, score, x, y, w, h in rows:
        by_image.setdefault(image, []).append((category, score, x, y, x + w, y + h))
    return collect(
        (
            image,
            np.array([row[2:] for row in found], np.float32),
            np.array([row[1] for row in found], np.float32),
            np.array([row[0] for row in found]),
        )
        for image, found in by_image.items()
    )


PERFECT = [
    (1, 0, 0.9, 10, 10, 20, 20),
    (1, 1, 0.8, 50, 50, 40, 40),
    (2, 0, 0.7, 5, 5, 10, 10),
]


def test_perfect_detections_have_ap_one():
    metrics = coco_metrics(TWO_IMAGES, answers(PERFECT))
    assert (metrics.ap, metrics.ap50, metrics.ap75) == pytest.approx((1, 1, 1))
    assert metrics.ap_per_class == pytest.approx({"a": 1, "b": 1})


def test_size_bands_are_coco_s_unless_the_data_states_its_own():
    metrics = coco_metrics(TWO_IMAGES, answers(PERFECT))
    assert (metrics.ap_small, metrics.ap_medium, metrics.ap_large) == pytest.approx((1, 1, None))
    own = coco_metrics(TWO_IMAGES, answers(PERFECT), bands=(15.0**2, 30.0**2))
    assert (own.ap_small, own.ap_medium, own.ap_large) == pytest.approx((1, 1, 1))


def test_an_annotation_numbered_zero_counts():
    """Given as it stands, COCOeval takes its match for none: AP would be below one."""
    only = truth([(1, 1, [10, 10, 20, 20], {})], categories=("a",))
    assert only["annotations"][0]["id"] == 0
    assert coco_metrics(only, answers(PERFECT[:1])).ap == pytest.approx(1)


def test_no_detections_at_all_is_zero():
    metrics = coco_metrics(TWO_IMAGES, answers([]))
    assert metrics.ap == 0
    assert metrics.ap_per_class == {"a": 0, "b": 0}


def test_what_is_not_there_has_no_ap():
    metrics = coco_metrics(truth([(1, 1, [10, 10, 20, 20], {})]), answers(PERFECT[:1]))
    assert metrics.ap_per_class == pytest.approx({"a": 1, "b": None})
    assert metrics.ap == pytest.approx(1)
    nothing = coco_metrics(truth([]), answers(PERFECT))
    assert nothing.ap is None


def test_detections_on_an_empty_image_are_false():
    one = truth([(1, 1, [10, 10, 20, 20], {})], images=3, categories=("a",))
    false_first = [(3, 0, 0.95, 10, 10, 20, 20), (1, 0, 0.9, 10, 10, 20, 20)]
    assert coco_metrics(one, answers(false_first)).ap == pytest.approx(0.5)
    assert coco_metrics(one, answers(false_first[::-1])).ap == pytest.approx(0.5)
    false_last = [(3, 0, 0.5, 10, 10, 20, 20), (1, 0, 0.9, 10, 10, 20, 20)]
    assert coco_metrics(one, answers(false_last)).ap == pytest.approx(1)


def test_detections_in_a_crowd_are_neither_right_nor_wrong():
    crowd = truth(
        [(1, 1, [10, 10, 20, 20], {}), (1, 1, [50, 50, 40, 40], {"iscrowd": 1})],
        categories=("a",),
    )
    rows = [(1, 0, 0.99, 55, 55, 20, 20), (1, 0, 0.9, 10, 10, 20, 20)]
    assert coco_metrics(crowd, answers(rows)).ap == pytest.approx(1)


def test_area_is_the_annotation_s_own():
    """A mask's area differs from its box's, and decides the band."""
    small = truth([(1, 1, [10, 10, 40, 40], {"area": 500.0})], categories=("a",))
    metrics = coco_metrics(small, answers([(1, 0, 0.9, 10, 10, 40, 40)]))
    assert (metrics.ap_small, metrics.ap_medium) == pytest.approx((1, None))


def test_classes_keep_their_names_whatever_the_order_of_ids():
    swapped = truth([(1, 1, [10, 10, 20, 20], {}), (1, 4, [50, 50, 40, 40], {})])
    swapped["categories"].reverse()  # index 0 is now "b", with id 4
    metrics = coco_metrics(swapped, answers([(1, 0, 0.9, 50, 50, 40, 40)]))
    assert metrics.ap_per_class == pytest.approx({"b": 1, "a": 0})


def test_by_need_is_the_mean_over_its_classes():
    three = truth(
        [(1, 1, [10, 10, 20, 20], {}), (1, 4, [50, 50, 40, 40], {}), (2, 7, [5, 5, 10, 10], {})],
        categories=("a", "b", "c", "d"),
    )
    rows = [(1, 0, 0.9, 10, 10, 20, 20), (2, 2, 0.9, 5, 5, 10, 10)]
    metrics = coco_metrics(three, answers(rows), needs=("far", "far", "none", "odd"))
    assert metrics.ap_by_need == pytest.approx({"far": 0.5, "none": 1, "odd": None})


def test_tied_scores_are_ordered_by_image_whatever_came_first():
    tied = [(2, 0, 0.5, 5, 5, 10, 10), (1, 0, 0.5, 80, 80, 5, 5), (1, 0, 0.7, 10, 10, 20, 20)]
    first, second = answers(tied), answers([tied[1], tied[2], tied[0]])
    assert first["image"].tolist() == [1, 1, 2]
    assert first["score"].tolist() == pytest.approx([0.7, 0.5, 0.5])
    assert all((first[name] == second[name]).all() for name in first)


def test_at_most_the_best_detections_of_an_image_count():
    rows = [(1, 0, 0.9, 60, 60, 9, 9), (1, 0, 0.8, 10, 10, 20, 20)]
    one = truth([(1, 1, [10, 10, 20, 20], {})], categories=("a",))
    assert coco_metrics(one, answers(rows), max_detections=1).ap == pytest.approx(0)
    assert coco_metrics(one, answers(rows), max_detections=2).ap == pytest.approx(0.5)


def test_nothing_is_printed(capsys):
    coco_metrics(TWO_IMAGES, answers(PERFECT))
    assert capsys.readouterr().out == ""


def test_detections_are_compact():
    kept = answers(PERFECT)
    assert {name: str(array.dtype) for name, array in kept.items()} == {
        "image": "int64",
        "category": "int16",
        "score": "float32",
        "box": "float32",
    }
    assert kept["box"].shape == (3, 4)
    assert answers([])["box"].shape == (0, 4)
