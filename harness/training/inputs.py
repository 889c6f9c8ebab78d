"""What a network is shown: images, or the backbone's maps of them; and how it is run on them."""

from collections.abc import Iterator, Mapping
from typing import Protocol

import torch
from torch import Tensor

from harness.detector.model import Detector
from harness.detector.outputs import Outputs
from harness.detector.targets import Targets

Inputs = Tensor | Mapping[str, Tensor]
"""Normalised images (N, 3, H, W), or the backbone's maps of them by name."""


class Feed(Protocol):
    """Training batches. What an epoch holds is a function of its number alone."""

    def __len__(self) -> int:
        """Batches an epoch."""

    def epoch(self, number: int) -> Iterator[tuple[Inputs, Targets]]:
        """The batches of an epoch, numbered from 1."""


def run(detector: Detector, inputs: Inputs) -> Outputs:
    """The detector on images, or its later parts on the backbone's maps."""
    if isinstance(inputs, Tensor):
        outputs: Outputs = detector(inputs)
        return outputs
    return detector.from_features(inputs)


def move(inputs: Inputs, device: torch.device) -> Inputs:
    """Inputs on the device, channels last."""

    def one(x: Tensor) -> Tensor:
        return x.to(device, non_blocking=True, memory_format=torch.channels_last)

    if isinstance(inputs, Tensor):
        return one(inputs)
    return {name: one(value) for name, value in inputs.items()}


def portions(inputs: Inputs, targets: Targets, count: int) -> list[tuple[Inputs, Targets]]:
    """A batch in `count` portions, as equal as can be; in fewer where it has fewer images."""
    count = min(count, len(targets.labels))
    if count == 1:
        return [(inputs, targets)]
    if isinstance(inputs, Tensor):
        shown: list[Inputs] = list(inputs.tensor_split(count))
    else:
        split = {name: value.tensor_split(count) for name, value in inputs.items()}
        shown = [{name: parts[i] for name, parts in split.items()} for i in range(count)]
    seen = (x.tensor_split(count) for x in (targets.boxes, targets.labels, targets.crowd))
    return list(zip(shown, map(Targets, *seen), strict=True))
