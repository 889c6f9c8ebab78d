"""How a detector is trained and evaluated. Every field changes the result, so all are identity."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from harness.space.base import Frozen

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Optimizer(Frozen):
    """EfficientDet section 5.1 by default: SGD, momentum 0.9, decay 4e-5 on kernels only."""

    name: Literal["sgd", "adamw"] = "sgd"
    learning_rate: Positive = 0.08
    """For a batch of `reference_batch`; scaled linearly with the batch."""
    reference_batch: Annotated[int, Field(ge=1)] = 64
    momentum: Fraction = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 4e-5
    clip_norm: Positive | None = 10.0
    """Global gradient norm."""
    fusion_rate: Positive = 1.0
    """Factor on the learning rate of fusion weights."""


def _ascending(epochs: tuple[int, ...]) -> tuple[int, ...]:
    if not epochs or any(a >= b for a, b in pairwise(epochs)):
        raise ValueError("should be epochs in ascending order, at least one")
    return epochs


class Drop(Frozen):
    """The rate in steps, as detectors of the Detectron line are trained."""

    after: Annotated[tuple[Annotated[int, Field(ge=1)], ...], AfterValidator(_ascending)]
    """Epochs after each of which the rate is multiplied by `factor`."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1


class Schedule(Frozen):
    """Linear warm-up, then cosine to zero, or in steps."""

    epochs: Annotated[int, Field(ge=1)] = 300
    warmup_epochs: Annotated[float, Field(ge=0)] = 1.0
    ema_decay: Fraction | None = 0.9998
    """Ramped as min(decay, (1 + step) / (10 + step)); None turns the average off."""
    drop: Drop | None = None
    """None is the cosine."""


class Augmentation(Frozen):
    """Random numbers are a function of (seed, epoch, image) alone."""

    flip: bool = True
    scale: tuple[Positive, Positive] = (0.1, 2.0)
    """Range of the scale jitter; (1, 1) is none."""


class Loss(Frozen):
    """Focal loss on classes (alpha, gamma), Huber on boxes (delta); class + weight * box.

    A small delta is L1: delta 0.01 and weight 400 are the sum of four L1 distances an object.
    """

    focal_alpha: Fraction = 0.25
    focal_gamma: Annotated[float, Field(ge=0)] = 1.5
    huber_delta: Positive = 0.1
    box_weight: Positive = 50.0
    negative_iou: Annotated[float, Field(gt=0, lt=0.5)] | None = None
    """Anchors from this IoU up to 0.5 say nothing; None: they are background like those below."""


class Postprocess(Frozen):
    """From raw outputs to at most `max_detections` boxes an image."""

    nms: Literal["hard", "soft"] = "hard"
    iou_threshold: Fraction = 0.5
    soft_sigma: Positive = 0.5
    score_threshold: Fraction = 0.001
    candidates: Annotated[int, Field(ge=1)] = 5000
    max_detections: Annotated[int, Field(ge=1)] = 100


class Recipe(Frozen):
    """The completed training and evaluation protocol of a trial."""

    batch_size: Annotated[int, Field(ge=1)] = 128
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    augmentation: Augmentation = Augmentation()
    loss: Loss = Loss()
    postprocess: Postprocess = Postprocess()
