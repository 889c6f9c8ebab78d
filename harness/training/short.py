"""A little of a training: the first images of a dataset, and epochs of a few batches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.data import Dataset, Sample, Split
from harness.data.base import AbstractSplit, Objects
from harness.detector.targets import Targets
from harness.training.inputs import Feed, Inputs


@dataclass
class Short:
    """A feed whose epochs are a few batches of the whole feed's, over again where it has fewer."""

    feed: Feed
    steps: int

    def __len__(self) -> int:
        return self.steps

    def epoch(self, number: int) -> Iterator[tuple[Inputs, Targets]]:
        left = self.steps
        while left:
            for batch in self.feed.epoch(number):
                yield batch
                left -= 1
                if not left:
                    return


class _First(AbstractSplit):
    """The first images of a split."""

    def __init__(self, split: Split, images: int) -> None:
        self.split, self.ids, self.sizes = split, split.ids[:images], split.sizes[:images]

    def load(self, index: int) -> Sample:
        return self.split.load(index)

    def objects(self, index: int) -> Objects:
        return self.split.objects(index)


def first_of(dataset: Dataset, train: int, val: int) -> Dataset:
    """A dataset of the first images of both splits, with what is true of them."""
    there = _First(dataset.val, val)
    truth = dict(dataset.truth)
    truth["images"] = _of(truth["images"], "id", there.ids)
    truth["annotations"] = _of(truth["annotations"], "image_id", there.ids)
    name = f"{dataset.facts.fingerprint}, first {train} and {val}"
    facts = dataset.facts.model_copy(update={"fingerprint": name})
    return replace(dataset, facts=facts, train=_First(dataset.train, train), val=there, truth=truth)


def _of(
    rows: Sequence[Mapping[str, object]], field: str, ids: Sequence[int]
) -> list[Mapping[str, object]]:
    kept = set(ids)
    return [row for row in rows if row[field] in kept]
