"""A trained detector as a folder that others can use, and back from that folder."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError

from harness.detector import Detector, build
from harness.errors import SpecError, TrialError, first_line
from harness.exchange.guide import load_text, readme_text
from harness.exchange.onnx_file import RUNTIME, deviation, missing, write_onnx
from harness.graph import from_tree
from harness.graph.restate import restated
from harness.plugins import load as load_plugins
from harness.space.base import first_fault
from harness.space.load import yaml_text
from harness.space.trial import TrialSpec
from harness.weights import load_weights

STATE, SPEC, TOPOLOGY, ONNX = "model.pt", "spec.json", "topology.yaml", "model.onnx"
ANCHORS, EXAMPLE, README = "anchors.npy", "load.py", "README.md"
ALWAYS = frozenset({STATE, SPEC, TOPOLOGY})
"""What every export has."""
WRITTEN = ALWAYS | {ONNX, ANCHORS, EXAMPLE, README}
"""All that an export may have: beside anything else it is not replaced."""


@dataclass(frozen=True, slots=True)
class Exported:
    """Where everything lies; notes: what is not there, and how far ONNX is from torch."""

    folder: Path
    notes: tuple[str, ...] = ()


def export(
    detector: Detector,
    spec: TrialSpec,
    folder: Path,
    *,
    about: Mapping[str, str],
    plugins: Iterable[str] = (),
) -> Exported:
    """Write a trained detector and its spec to `folder`: written beside it, then renamed.

    about: `source`, `published`, ... of the topology file. plugins: modules it needs. An earlier
    export in `folder` is replaced; a `SpecError` where anything else is there.
    """
    asked, folder = folder, folder.resolve()
    _check_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        beside.mkdir()
        notes = _fill(beside, detector, spec, about, tuple(plugins))
        _take_place(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Exported(asked, notes)


def load_exported(folder: str | Path, plugins: Iterable[str] = ()) -> Detector:
    """The detector of an exported folder, in eval mode on the CPU.

    A `TrialError` where a file of it is not there, is damaged, or is of another network.
    """
    load_plugins(plugins)
    folder = Path(folder)
    with _reading(folder / SPEC) as file:
        spec = TrialSpec.model_validate_json(file.read_bytes())
    detector = build(spec.model.without_weights())
    with _reading(folder / STATE) as file:
        state = torch.load(file, map_location="cpu", weights_only=True)
        found = load_weights(detector, state)
    if not found.complete:
        raise TrialError(f"{folder / STATE} has not the weights of {SPEC}'s network:\n{found}")
    return detector.eval()


@contextmanager
def _reading(file: Path) -> Iterator[Path]:
    """Whatever reading a file raises becomes a `TrialError` of one line, with its name."""
    try:
        yield file
    except FileNotFoundError:
        raise TrialError(f"no {file}: {file.parent} is no exported folder") from None
    except ValidationError as error:
        raise TrialError(f"{file} is damaged: {first_fault(error)}") from None
    except Exception as error:
        raise TrialError(f"{file} is damaged: {first_line(error)}") from error


def _fill(
    folder: Path,
    detector: Detector,
    spec: TrialSpec,
    about: Mapping[str, str],
    plugins: tuple[str, ...],
) -> tuple[str, ...]:
    """All files; what is to be said of them."""
    detector = detector.cpu().eval()
    side = spec.model.image_size
    graph = from_tree(spec.model.feature_network.graph)
    torch.save(detector.state_dict(), folder / STATE)
    np.save(folder / ANCHORS, detector.anchors((side, side)).numpy())
    (folder / SPEC).write_text(json.dumps(spec.model_dump(mode="json"), indent=1) + "\n")
    (folder / TOPOLOGY).write_text(yaml_text(restated(graph, **about)), encoding="utf-8")
    notes = _onnx(detector, folder / ONNX)
    (folder / EXAMPLE).write_text(load_text(plugins))
    page = readme_text(spec, detector, (folder / ONNX).exists(), notes, plugins)
    (folder / README).write_text(page, encoding="utf-8")
    return notes


def _onnx(detector: Detector, path: Path) -> tuple[str, ...]:
    lacks = missing()
    if lacks:
        packages = " ".join(lacks)
        return (f"no {path.name}: `pip install {packages}`, then export again",)
    try:
        write_onnx(detector, path)
        if missing((RUNTIME,)):
            return (f"{path.name} was not run: `pip install {RUNTIME}` to hold it against torch",)
        differs = deviation(detector, path)
    except Exception as error:  # of the exporter or the runtime, which raise what they like
        path.unlink(missing_ok=True)
        return (f"no {path.name}: {first_line(error)}",)
    return (f"{path.name}: greatest difference from torch {differs:.1e} of the greatest output",)


def _check_free(folder: Path) -> None:
    if not folder.exists():
        return
    there = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    if not there >= ALWAYS:
        raise SpecError(f"{folder} is there and is no earlier export: choose another --out")
    if strangers := sorted(there - WRITTEN):
        raise SpecError(
            f"{folder} holds {', '.join(strangers)}, which no export wrote: choose another --out"
        )


def _take_place(beside: Path, folder: Path) -> None:
    """Rename a whole folder to where another may stand."""
    if not folder.exists():
        beside.replace(folder)
        return
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    folder.replace(old)
    beside.replace(folder)
    shutil.rmtree(old)
