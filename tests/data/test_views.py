"""Views of images and the batches made of them: chance by (seed, epoch, image), order by epoch."""

import itertools
import threading
import time

import numpy as np
import pytest
import torch

from harness.data.base import AbstractSplit, Sample, objects_of
from harness.data.loader import Share, TrainBatches, ahead, eval_batches
from harness.data.transforms import (
    MEAN,
    STD,
    draw,
    eval_view,
    train_view,
    view_image,
    view_objects,
)
from harness.errors import DataFault
from harness.space.recipe import Augmentation

PLAIN = Augmentation(flip=False, scale=(1.0, 1.0))
JITTER = Augmentation(flip=True, scale=(0.5, 2.0))


class Made(AbstractSplit):
    """Random images; in each a white box on black whose place is its annotation."""

    def __init__(self, count=10, size=(48, 64)):
        self.ids = tuple(range(100, 100 + count))
        self.sizes = (size,) * count
        self.loads = []

    def load(self, index):
        image = np.zeros((*self.sizes[index], 3), np.uint8)
        x0, y0, x1, y1 = self.objects(index).boxes[0].astype(int)
        image[y0:y1, x0:x1] = 255
        self.loads.append(threading.current_thread().name)
        return Sample(image, *(getattr(self.objects(index), f) for f in ("boxes", "labels", "iscrowd", "area")))  # noqa: E501  # fmt: skip

    def objects(self, index):
        rng = np.random.default_rng(index)
        x, y = rng.integers(0, 30, 2).tolist()
        return objects_of([((x, y, x + 16, y + 12), index % 3, False, 192.0)])


def batches(split, augmentation=JITTER, **given):
    seeds = {"order_seed": 1, "augmentation_seed": 2, **given}
    return TrainBatches(split, 64, 4, augmentation, **seeds)


def equal(one, other):
    return torch.equal(one[0], other[0]) and torch.equal(one[1].boxes, other[1].boxes)


def test_the_image_lies_top_left_and_the_rest_is_zero():
    image = np.full((30, 60, 3), 200, np.uint8)
    view = eval_view((30, 60), 32)
    assert (view.scale, view.height, view.width) == (32 / 60, 16, 32)
    out = view_image(image, view, 32)
    assert out.shape == (32, 32, 3)
    assert out.dtype == np.float32
    assert np.allclose(out[:16], (200 - MEAN) / STD)
    assert not out[16:].any()


def test_flip_mirrors_pixels_and_boxes_inside_the_image():
    split = Made()
    for index in range(10):
        sample = split.load(index)
        for flip_seed in range(20):
            view = train_view((48, 64), 96, JITTER, draw(flip_seed, 1, index))
            found = view_objects(split.objects(index), view)
            shown = view_image(sample.image, view, 96)[: view.height, : view.width, 0]
            ys, xs = np.nonzero(shown > 0)
            if len(found.boxes) and (found.boxes[0, 2:] - found.boxes[0, :2]).min() > 4:
                seen = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
                assert np.abs(found.boxes[0] - seen).max() <= 1.0


def test_whole_images_are_not_resampled():
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    view = train_view((64, 64), 64, PLAIN, draw(0, 1, 1))
    out = view_image(image, view, 64)
    assert np.array_equal(np.round(out * STD + MEAN).astype(np.uint8), image)


def test_chance_is_a_function_of_seed_epoch_and_image():
    draws = [draw(*keys) for keys in itertools.product((0, 1), (1, 2), (5, 6))]
    assert len(set(draws)) == 8
    assert draw(0, 1, 5) == draws[0]
    flips = [draw(0, epoch, 5).flip for epoch in range(400)]
    assert 150 < sum(flips) < 250


def test_scale_jitter_covers_its_range():
    views = [train_view((64, 64), 64, JITTER, draw(0, e, 0)) for e in range(300)]
    scales = np.array([view.scale for view in views])
    assert scales.min() < 0.55
    assert scales.max() > 1.9
    assert all(view.height <= 64 and view.width <= 64 for view in views)
    offsets = [view.left for view in views if view.scale > 1.5]
    assert len(set(offsets)) > 10
    assert all(view.left == 0 for view in views if view.scale < 1)


def test_what_is_cut_away_leaves_no_box():
    far = objects_of([((60, 60, 64, 64), 0, False, 16.0), ((0, 0, 9, 9), 1, True, 81.0)])
    view = train_view((64, 64), 64, Augmentation(flip=False, scale=(2.0, 2.0)), draw(0, 1, 0))
    view = type(view)(view.scale, 0, 0, 64, 64, flip=False)
    seen = view_objects(far, view)
    assert seen.boxes.tolist() == [[0, 0, 18, 18]]
    assert seen.labels.tolist() == [1]
    assert seen.iscrowd.tolist() == [True]


def test_batches_are_channels_last_and_shuffled():
    split = Made()
    feed = batches(split)
    assert len(feed) == 2
    (images, targets), _ = list(feed.epoch(1))
    assert images.shape == (4, 3, 64, 64)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert targets.boxes.shape[0] == 4
    orders = [tuple(np.concatenate(feed.rows(e)).tolist()) for e in (1, 2)]
    assert orders[0] != orders[1]
    assert len(set(orders[0])) == 8


@pytest.mark.parametrize("workers", [1, 4])
def test_workers_change_nothing(workers):
    alone = list(batches(Made()).epoch(3))
    many = list(batches(Made(), workers=workers).epoch(3))
    assert all(map(equal, alone, many))


def test_an_epoch_is_the_same_whatever_came_before():
    feed = batches(Made())
    list(feed.epoch(1))
    assert all(map(equal, list(feed.epoch(2)), list(batches(Made()).epoch(2))))


def test_seeds_are_streams_of_their_own():
    one, other = batches(Made()), batches(Made(), augmentation_seed=9)
    assert all(map(np.array_equal, one.rows(1), other.rows(1)))
    assert not equal(next(one.epoch(1)), next(other.epoch(1)))
    assert not all(map(np.array_equal, one.rows(1), batches(Made(), order_seed=9).rows(1)))


def test_a_set_smaller_than_a_batch_is_one_batch():
    feed = batches(Made(3))
    assert len(feed) == 1
    assert next(feed.epoch(1))[0].shape[0] == 3


def test_eval_batches_hold_every_image_in_order():
    found = list(eval_batches(Made(), 64, 4))
    assert [len(batch.ids) for batch in found] == [4, 4, 2]
    assert [i for batch in found for i in batch.ids] == list(range(100, 110))
    assert found[0].sizes.tolist() == [[48, 64]] * 4
    assert found[0].scales.tolist() == [1.0] * 4


def test_the_next_batches_are_read_while_one_is_used():
    """A step as long as the reading of a batch waits for the first batch alone."""

    def load(index):
        time.sleep(0.01)
        return index

    rows = [np.arange(4) + 4 * i for i in range(8)]
    waited, feed = 0.0, ahead(rows, load, 4)
    next(feed)
    for expected in range(1, 8):
        time.sleep(0.03)
        asked = time.perf_counter()
        assert next(feed)[0] == 4 * expected
        waited += time.perf_counter() - asked
    assert waited < 0.08


def test_a_feed_left_early_leaves_no_thread():
    before = threading.active_count()
    feed = batches(Made(40), workers=3).epoch(1)
    next(feed)
    feed.close()
    assert threading.active_count() == before


def test_a_fault_while_reading_is_raised():
    def load(_):
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        list(ahead([np.arange(2)], load, 2))


def test_shares_of_a_batch_are_the_batch():
    """Same order, same views: only which process sees an image differs."""
    whole = list(batches(Made()).epoch(3))
    shares = [list(batches(Made(), share=Share(rank, 3)).epoch(3)) for rank in range(3)]
    assert [len(share[0][0]) for share in shares] == [2, 1, 1]
    for (images, seen), *parts in zip(whole, *shares, strict=True):
        assert torch.equal(torch.cat([part for part, _ in parts]), images)
        assert torch.equal(torch.cat([part.boxes for _, part in parts]), seen.boxes)


def test_an_image_that_cannot_be_read_is_named():
    class Broken(Made):
        def load(self, index):
            raise OSError("Input/output error")

    with pytest.raises(DataFault, match=r"image 10\d cannot be read: Input/output error"):
        list(batches(Broken()).epoch(1))
    with pytest.raises(DataFault, match="image 100"):
        list(eval_batches(Broken(), 64, 4))
