"""What an exported folder says of itself: an example that loads it, and a page."""

import textwrap
from collections.abc import Iterable, Iterator
from importlib.metadata import version

from harness.data.transforms import MEAN, STD
from harness.detector import Detector
from harness.detector.anchors import MAX_LOG_SIDE, per_cell
from harness.exchange.onnx_file import output_names
from harness.space.trial import TrialSpec

_LOAD = '''\
"""Two ways to load this folder: with feature-network-harness, and with onnxruntime alone."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def with_harness(images):
    import torch
    from harness.exchange.export import load_exported

    detector = load_exported(FOLDER{plugins})
    with torch.no_grad():
        classes, boxes = detector(torch.from_numpy(images))
    return [*classes, *boxes]


def with_onnxruntime(images):
    import onnxruntime

    file = FOLDER / "model.onnx"
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return session.run(None, {{"images": images}})


if __name__ == "__main__":
    import json

    import numpy as np

    side = json.loads((FOLDER / "spec.json").read_text())["model"]["image_size"]
    images = np.zeros((1, 3, side, side), dtype=np.float32)
    print("harness", *[tuple(one.shape) for one in with_harness(images)])
    if (FOLDER / "model.onnx").exists():
        print("onnxruntime", *[one.shape for one in with_onnxruntime(images)])
'''


def load_text(plugins: tuple[str, ...]) -> str:
    """The example as a Python file."""
    return _LOAD.format(plugins=f", plugins={plugins!r}" if plugins else "")


def readme_text(
    spec: TrialSpec,
    detector: Detector,
    has_onnx: bool,
    notes: Iterable[str],
    plugins: tuple[str, ...],
) -> str:
    """The page. notes: as `export` gives them back."""
    paragraphs = [*_about(spec), _listed(_files(spec, has_onnx))]
    paragraphs += [f"Note: {note}." for note in notes]
    if plugins:
        paragraphs.append(f"The network needs these plug-ins: {', '.join(plugins)}.")
    paragraphs += [*_images(spec), *_outputs(spec, detector)]
    return "\n\n".join([_wrapped(one) for one in paragraphs]) + "\n"


def _wrapped(paragraph: str) -> str:
    lines = paragraph.splitlines()
    return "\n".join(
        textwrap.fill(
            line,
            100,
            subsequent_indent="  " if line.startswith("- ") else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines
    )


def _listed(entries: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- `{name}`: {what}" for name, what in entries)


def _about(spec: TrialSpec) -> Iterator[str]:
    model, network = spec.model, spec.model.feature_network
    levels = ", ".join(f"p{level}" for level in network.graph["inputs"])
    yield f"# Trial {spec.id}"
    yield (
        f"Written by feature-network-harness {version('feature-network-harness')}. Backbone "
        f"{model.backbone.name}, feature network {network.graph['name']} (width {network.width}, "
        f"on {levels}), head {model.head.kind}."
    )


def _files(spec: TrialSpec, has_onnx: bool) -> Iterator[tuple[str, str]]:
    model = spec.model
    look = (
        f"harness show topology.yaml --width {model.feature_network.width} --image-size "
        f"{model.image_size} --backbone {model.backbone.name}"
    )
    yield "model.pt", "the state dict; `torch.load(..., weights_only=True)` reads it."
    if has_onnx:
        yield "model.onnx", "the same network for any number of images of one size."
    yield "topology.yaml", f"the feature network, every node written out; `{look}` shows it."
    yield "spec.json", "all that the trial is: model, recipe, data, seeds."
    yield "anchors.npy", "the boxes that outputs are coded against: x0 y0 x1 y1 in pixels."
    yield "load.py", "how either model is loaded; `python load.py` does it."


def _images(spec: TrialSpec) -> Iterator[str]:
    side = spec.model.image_size
    mean, std = (", ".join(f"{x / 255:g}" for x in values.tolist()) for values in (MEAN, STD))
    yield "## Images"
    yield (
        f"float32 (N, 3, {side}, {side}), RGB. An image is scaled so that its longer side has "
        f"{side} pixels, then normalised to (x / 255 - mean) / std with mean {mean} and std {std}, "
        "and lies in the top left corner; the rest is 0."
    )


def _outputs(spec: TrialSpec, detector: Detector) -> Iterator[str]:
    anchors, classes = per_cell(spec.model.head.anchors), spec.model.num_classes
    yield "## Outputs"
    yield f"In order: {', '.join(f'`{name}`' for name in output_names(detector))}."
    yield (
        f"Class maps are (N, {anchors} * {classes}, h, w) logits: channel a * {classes} + k is "
        f"class k of anchor a. Box maps are (N, {anchors} * 4, h, w): ty tx th tw of every anchor. "
        "The rows of `anchors.npy` go by level, the finest first, then by cell, row by row, then "
        "by anchor of the cell. For an anchor with centre (x, y), width w and height h the box has "
        "the centre (x + tx * w, y + ty * h), the width w * exp(tw) and the height h * exp(th); "
        f"tw and th count as {MAX_LOG_SIDE:.4f} where they are more."
    )
    yield f"Classes: {', '.join(spec.facts.categories)}."
