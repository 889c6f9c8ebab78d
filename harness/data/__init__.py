"""Datasets by name: `shapes` is generated, `coco` is a folder, `voc_segmentation` is known by
its classes alone. Torch-free but for `loader`.
"""

from collections.abc import Callable
from pathlib import Path

from harness.data.base import Dataset, Sample, Split
from harness.data.coco import open_coco
from harness.data.shapes import open_shapes
from harness.data.voc import NAME as VOC
from harness.data.voc import open_voc
from harness.registry import Table
from harness.space.data import DataSpec

Opener = Callable[[DataSpec, int, Path], Dataset]

DATASETS: Table[Opener] = Table("dataset")
DATASETS.register("shapes")(open_shapes)
DATASETS.register("coco")(open_coco)
DATASETS.register(VOC)(open_voc)


def open_data(spec: DataSpec, image_size: int, cache: Path) -> Dataset:
    """The dataset a spec asks for; a `SpecError` where it is not there or cannot be trusted.

    image_size: side of the model's input, which generated images take unless the spec says.
    cache: folder for what is generated.
    """
    return DATASETS.get(spec.name)(spec, image_size, cache)


__all__ = ["DATASETS", "Dataset", "Sample", "Split", "open_data"]
