"""Two networks, what they found exchanged image by image."""

import json

import numpy as np
import pytest

from harness.comparing.detections import read_answers
from harness.comparing.matching import figures_and_draws, matches_of
from harness.comparing.truth import read_truth
from harness.matches import Matches
from harness.statistics import swaps as module
from harness.statistics.images import ap_alone, ap_draws
from harness.statistics.swaps import can_exchange, side_by_side, swap_floor, swap_p
from tests.comparing.conftest import jitter, make_truth


def write(path, document):
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def scene(tmp_path):
    """A truth, and what two networks found in it; their scores tie across images."""
    document = make_truth()
    truth = read_truth(write(tmp_path / "val.json", document))
    rows = [jitter(document, noise, seed=seed) for seed, noise in enumerate((0.1, 0.07))]
    for row in (*rows[0], *rows[1]):
        row["score"] = round(row["score"], 1)
    return tmp_path, truth, rows


def matched(scene, rows):
    folder, truth, _ = scene
    return matches_of(truth, read_answers(write(folder / "rows.json", rows), truth))


def test_exchanged_images_have_the_ap_of_a_file_with_them_exchanged(scene):
    _, _, (one, other) = scene
    both = side_by_side(matched(scene, one), matched(scene, other))
    images = np.unique([row["image_id"] for row in one + other])
    swapped = np.random.default_rng(0).random((4, 40)) < 0.5
    found = ap_alone(both, module._weights(swapped))
    for draw, ap in zip(swapped, found, strict=True):
        taken = {7 * image + 3 for image in np.flatnonzero(draw)}
        assert taken & set(images)
        rows = [row for row in one if row["image_id"] not in taken]
        rows += [row for row in other if row["image_id"] in taken]
        file = matched(scene, rows)
        assert ap == pytest.approx(figures_and_draws(file, 2, 0)[0]["ap"], abs=1e-12)


def test_ap_alone_is_the_ap_of_all_figures(scene):
    matches = matched(scene, scene[2][0])
    weights = np.random.default_rng(1).multinomial(40, np.full(40, 1 / 40), size=5)
    assert ap_alone(matches, weights).tolist() == ap_draws(matches, weights)["ap"].tolist()


def test_a_better_network_is_found_and_the_same_one_is_not(scene):
    one, other = (matched(scene, rows) for rows in scene[2])
    assert swap_p(other, one, swaps=200) == swap_p(one, other, swaps=200) == swap_floor(200)
    assert swap_p(one, one, swaps=200) == 1.0


def network(random, quality):
    """Thirty images of one object each, found with these odds."""
    found = (random.random(30) < quality)[:, None]
    return Matches(
        images=np.arange(30),
        categories=("a",),
        needs=None,
        image=np.arange(30, dtype=np.int32),
        category=np.zeros(30, np.int16),
        score=random.random(30).astype(np.float32),
        hit=np.repeat(np.where(found, 1023, 0), 4, 1).astype(np.uint16),
        ignored=np.zeros((30, 4), np.uint16),
        positives=np.ones((30, 1, 4), np.int32),
    )


def test_equal_networks_are_called_different_as_often_as_the_level_says():
    random = np.random.default_rng(3)
    ps = [swap_p(network(random, 0.6), network(random, 0.6), swaps=99) for _ in range(300)]
    called = np.mean(np.array(ps) <= 0.05)
    assert 0.02 <= called <= 0.08  # .05 give or take 2.4 standard errors
    ps = [swap_p(network(random, 0.8), network(random, 0.5), swaps=99) for _ in range(50)]
    assert np.mean(np.array(ps) <= 0.05) > 0.5


def test_other_images_are_not_exchanged():
    random = np.random.default_rng(0)
    one = network(random, 0.5)
    fewer = Matches(
        **{name: getattr(one, name) for name in Matches.__slots__} | {"images": one.images + 1}
    )
    assert not can_exchange(one, fewer)
    with pytest.raises(ValueError, match="nothing to exchange"):
        side_by_side(one, fewer)
