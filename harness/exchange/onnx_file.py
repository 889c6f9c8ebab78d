"""A detector as one ONNX file: images in, the maps of its heads out, by name."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.detector import Detector

NEEDED = ("onnx", "onnxscript")
"""Packages that torch's exporter needs and does not bring."""
RUNTIME = "onnxruntime"


def missing(packages: tuple[str, ...] = NEEDED) -> list[str]:
    """Those that are not installed."""
    return [name for name in packages if find_spec(name) is None]


def output_names(detector: Detector) -> list[str]:
    """`classes_p3`, ..., then `boxes_p3`, ...: the order of the file's outputs."""
    return [f"{kind}_p{level}" for kind in ("classes", "boxes") for level in detector.levels]


class _Maps(nn.Module):
    """(N, 3, S, S) -> the maps of both heads in one row, in the order of `output_names`."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        found = self.detector(images)
        return (*found.classes, *found.boxes)


@torch.no_grad()
def write_onnx(detector: Detector, path: Path) -> None:
    """Any number of images; the size is the spec's, because paddings are of one size."""
    side = detector.spec.image_size
    maps = _Maps(detector).eval()
    with _quiet():
        program = torch.export.export(
            maps,
            (torch.zeros(2, 3, side, side),),
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
        names = output_names(detector)
        made = torch.onnx.export(
            program, dynamo=True, verbose=False, input_names=["images"], output_names=names
        )
        assert made is not None
        made.save(path)


@torch.no_grad()
def deviation(detector: Detector, path: Path) -> float:
    """Greatest difference between ONNX Runtime's outputs and torch's, over the greatest output."""
    import onnxruntime

    side = detector.spec.image_size
    images = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(None, {"images": images.numpy()})
    pairs = [(torch.from_numpy(x), y) for x, y in zip(found, _Maps(detector)(images), strict=True)]
    scale = max(float(y.abs().max()) for _, y in pairs)
    return max(float((x - y).abs().max()) for x, y in pairs) / scale


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's notes on itself."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)
