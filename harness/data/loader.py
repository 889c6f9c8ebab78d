"""Batches for the network. What an epoch holds is a function of its number and the seeds.

Images are read and turned into views by threads, some batches ahead of the step: Pillow and numpy
let go of the interpreter where the time goes. The number of threads changes no byte.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.data.base import AbstractSplit, Objects, Sample
from harness.data.transforms import (
    View,
    draw,
    eval_view,
    train_view,
    view_image,
    view_objects,
)
from harness.detector.targets import Targets
from harness.errors import DataFault
from harness.space.recipe import Augmentation
from harness.space.streams import stream_seed

T = TypeVar("T")
Rows = npt.NDArray[np.int64]
AHEAD = 3
"""Batches that are read ahead of the one in use."""


class EvalBatch(NamedTuple):
    """N whole images and how they lie in the input."""

    images: Tensor
    """(N, 3, S, S) normalised, channels last."""
    ids: list[int]
    sizes: Tensor
    """(N, 2) height and width that each image covers, input pixels; the rest is padding."""
    scales: Tensor
    """(N,) input pixels to a pixel of the image itself."""


def epoch_order(count: int, seed: int, epoch: int) -> Rows:
    """Places of a split's images in the order of an epoch: (count,)."""
    return np.random.default_rng(stream_seed("order", seed, epoch)).permutation(count)


class Share(NamedTuple):
    """Which part of every batch a process sees: the `rank`-th of `size`, as equal as can be."""

    rank: int = 0
    size: int = 1

    def of(self, rows: Rows) -> Rows:
        return rows if self.size == 1 else np.array_split(rows, self.size)[self.rank]


def read(split: AbstractSplit, index: int) -> Sample:
    """An image with its objects; a `DataFault` that names it where it cannot be read."""
    try:
        return split.load(index)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise DataFault(f"image {split.ids[index]} cannot be read: {error}") from error


class TrainBatches:
    """Training batches of a split: `(images (N, 3, S, S) normalised, channels last, Targets)`."""

    def __init__(
        self,
        split: AbstractSplit,
        image_size: int,
        batch_size: int,
        augmentation: Augmentation,
        *,
        order_seed: int,
        augmentation_seed: int,
        workers: int = 0,
        share: Share = Share(),  # noqa: B008
    ) -> None:
        self.split, self.image_size = split, image_size
        self.batch_size = min(batch_size, len(split))
        self.augmentation, self.workers = augmentation, workers
        self.order_seed, self.augmentation_seed = order_seed, augmentation_seed
        self.share = share

    def __len__(self) -> int:
        """Batches an epoch. What does not fill a batch is left to other epochs."""
        return len(self.split) // self.batch_size

    def view(self, index: int, epoch: int) -> View:
        """How the image at a place is seen in an epoch."""
        drawn = draw(self.augmentation_seed, epoch, self.split.ids[index])
        return train_view(self.split.sizes[index], self.image_size, self.augmentation, drawn)

    def rows(self, epoch: int) -> list[Rows]:
        """Places of the images of each batch of an epoch, as far as they are this process's."""
        order, size = epoch_order(len(self.split), self.order_seed, epoch), self.batch_size
        return [self.share.of(order[i * size : (i + 1) * size]) for i in range(len(self))]

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Targets]]:
        """The batches of an epoch, numbered from 1."""

        def load(index: int) -> tuple[npt.NDArray[np.float32], Objects]:
            view, sample = self.view(index, number), read(self.split, index)
            image = view_image(sample.image, view, self.image_size)
            return image, view_objects(self.split.objects(index), view)

        for loaded in ahead(self.rows(number), load, self.workers):
            yield stack([image for image, _ in loaded]), targets([seen for _, seen in loaded])


def eval_batches(
    split: AbstractSplit, image_size: int, batch_size: int, workers: int = 0
) -> Iterator[EvalBatch]:
    """All images of a split in order, whole."""
    views = [eval_view(size, image_size) for size in split.sizes]

    def load(index: int) -> npt.NDArray[np.float32]:
        return view_image(read(split, index).image, views[index], image_size)

    places = np.arange(len(split))
    rows = [places[i : i + batch_size] for i in range(0, len(places), batch_size)]
    for batch, images in zip(rows, ahead(rows, load, workers), strict=True):
        chosen = [views[i] for i in batch]
        sizes = torch.tensor([[view.height, view.width] for view in chosen])
        scales = torch.tensor([view.scale for view in chosen])
        yield EvalBatch(stack(images), [split.ids[i] for i in batch], sizes, scales)


def stack(images: Sequence[npt.NDArray[np.float32]]) -> Tensor:
    """N of (S, S, 3) -> (N, 3, S, S), channels last without a copy."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def targets(objects: Sequence[Objects]) -> Targets:
    """The objects of a batch, padded."""
    return Targets.pad(
        [torch.from_numpy(one.boxes) for one in objects],
        [torch.from_numpy(one.labels) for one in objects],
        [torch.from_numpy(one.iscrowd) for one in objects],
    )


def ahead(rows: Sequence[Rows], load: Callable[[int], T], workers: int) -> Iterator[list[T]]:
    """Each batch of places loaded, in order; up to `AHEAD` batches wait while one is used.

    workers: threads that load; 0 is one. Threads end with the iterator, used up or not.
    """
    pool = ThreadPoolExecutor(max(1, workers), thread_name_prefix="data")
    waiting: deque[list[Future[T]]] = deque()
    try:
        for batch in rows:
            waiting.append([pool.submit(load, int(index)) for index in batch])
            if len(waiting) > AHEAD:
                yield [future.result() for future in waiting.popleft()]
        while waiting:
            yield [future.result() for future in waiting.popleft()]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
