"""Which images a trial sees. The fingerprint is identity; the place on disk is not."""

from typing import Annotated, Literal

from pydantic import Field

from harness.space.base import Frozen


class DataSpec(Frozen):
    """A dataset by name (`shapes`: generated; `coco`: a COCO-form folder;
    `voc_segmentation`: its classes alone, for costs)."""

    name: str = "shapes"
    root: str | None = None
    """Folder of a `coco` dataset. A place, not identity."""
    train_images: Annotated[int, Field(ge=1)] | None = None
    """`shapes`: how many to generate. `coco`: a fixed subset of that many; None is all."""
    val_images: Annotated[int, Field(ge=1)] | None = None
    seed: int = 0
    """Of the generator or the subset; never a trial's seed."""
    image_size: Annotated[int, Field(ge=32)] | None = None
    """`shapes` only: side of the generated images in pixels; None is the model's."""


class DataFacts(Frozen):
    """What the describing side knows of a dataset once it has been looked at."""

    fingerprint: str
    """Digest of everything in it that changes a result."""
    categories: tuple[str, ...]
    needs: tuple[Literal["context", "extent", "none"], ...] | None = None
    """`shapes`: what each category needs to be told."""
    train_images: int
    val_images: int
