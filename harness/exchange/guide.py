"""What an exported folder says of itself: an example that loads it, and a page."""

from collections.abc import Iterator
from importlib.metadata import version

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
    spec: TrialSpec, detector: Detector, notes: tuple[str, ...], plugins: tuple[str, ...]
) -> str:
    """The page. notes: as `export` gives them back."""
    parts = [*_files(spec, notes), *_images(spec), *_outputs(spec, detector)]
    if plugins:
        parts += ["", f"The network needs plug-ins: {', '.join(plugins)}."]
    return "\n".join([*parts, ""])


def _files(spec: TrialSpec, notes: tuple[str, ...]) -> Iterator[str]:
    model = spec.model
    maps = model.feature_network.graph["inputs"]
    yield f"# Trial {spec.id}"
    yield ""
    yield f"Written by feature-network-harness {version('feature-network-harness')}."
    yield f"Backbone {model.backbone.name}, feature network {model.feature_network.graph['name']} "
    yield f"(width {model.feature_network.width}, from levels "
    yield f"{', '.join(f'p{level}' for level in maps)}), head {model.head.kind}."
    yield ""
    yield "- `model.pt`: the state dict; `torch.load(..., weights_only=True)` reads it."
    yield "- `model.onnx`: the same network, images to class and box maps, any batch."
    yield "- `topology.yaml`: the feature network, every node written out; read it with"
    yield f"  `harness show topology.yaml --width {model.feature_network.width} --image-size "
    yield f"  {model.image_size} --backbone {model.backbone.name}`."
    yield "- `spec.json`: all of the trial: model, recipe, data, seeds."
    yield "- `anchors.npy`: the boxes that box maps are coded against (x0 y0 x1 y1, pixels)."
    yield "- `load.py`: how to load the two models; `python load.py` runs both."
    if notes:
        yield ""
        yield from (f"Note: {note}." for note in notes)


def _images(spec: TrialSpec) -> Iterator[str]:
    side = spec.model.image_size
    yield from ("", "## Images", "")
    yield f"float32 (N, 3, {side}, {side}), RGB. An image is scaled so that its longer side is "
    yield f"{side} pixels, normalised with (x / 255 - mean) / std, mean (0.485, 0.456, 0.406), std "
    yield "(0.229, 0.224, 0.225), and put in the top left corner; the rest is 0."


def _outputs(spec: TrialSpec, detector: Detector) -> Iterator[str]:
    anchors, classes = per_cell(spec.model.head.anchors), spec.model.num_classes
    yield from ("", "## Outputs", "")
    yield f"In order: {', '.join(f'`{name}`' for name in output_names(detector))}."
    yield f"Class maps are (N, {anchors} x {classes}, h, w) logits, channel a x {classes} + k is "
    yield f"class k of anchor a; box maps are (N, {anchors} x 4, h, w), ty tx th tw of each anchor."
    yield "Rows of `anchors.npy`: finest level first, then cells row by row, then anchors of a "
    yield "cell. Of an anchor with centre (x, y), width w and height h the box has the centre"
    yield f"(x + tx w, y + ty h), width w exp(tw) and height h exp(th), tw and th at most "
    yield f"{MAX_LOG_SIDE:.4f}."
    yield ""
    yield f"Classes: {', '.join(spec.facts.categories)}."
