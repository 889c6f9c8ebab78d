"""Training batches of kept features: the same images, order and flips, and no pixels."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from torch import Tensor

from harness.data.base import Objects
from harness.data.loader import Rows, targets
from harness.detector.targets import Targets
from harness.training.features import Features


class FeatureFeed:
    """A feed of the backbone's maps, read from the part `train` of kept features.

    plan: the rows of each batch of an epoch. Row i < images is image i; images + i is its flip.
    objects: what is seen in each row.
    """

    def __init__(
        self,
        features: Features,
        objects: Sequence[Objects],
        plan: Callable[[int], Sequence[Rows]],
    ) -> None:
        self.features, self.objects, self.plan = features, objects, plan
        self.batches = len(plan(1))

    def __len__(self) -> int:
        return self.batches

    def epoch(self, number: int) -> Iterator[tuple[Mapping[str, Tensor], Targets]]:
        for rows in self.plan(number):
            seen = targets([self.objects[row] for row in rows])
            yield self.features.batch("train", rows), seen
