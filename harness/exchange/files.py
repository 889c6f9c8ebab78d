"""Our own file of a detector: its model, where it is from, and its weights. Nothing in it runs."""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import ValidationError

from harness.detector import Detector, build
from harness.errors import TrialError, first_line
from harness.files import write_whole
from harness.space.model import ModelSpec
from harness.space.trial import TrialSpec  # noqa: F401  (completes ModelSpec)
from harness.weights import State, load_weights, read_tree

FORMAT = "harness detector 1"


@dataclass(frozen=True, slots=True)
class Kept:
    """What such a file holds. source: of the weights, in words."""

    model: str
    source: str
    spec: ModelSpec
    state: State

    def detector(self) -> Detector:
        """In eval mode on the CPU."""
        built = build(self.spec)
        found = load_weights(built, self.state)
        if not found.complete:
            raise TrialError(f"weights of {self.model} are not those of its network:\n{found}")
        return built.eval()


def write_detector(path: Path, model: str, source: str, detector: Detector) -> Path:
    """Written beside its place, then renamed. Read with `torch.load(weights_only=True)`."""
    tree = {
        "format": FORMAT,
        "model": model,
        "source": source,
        "spec": detector.spec.model_dump(mode="json"),
        "state": detector.state_dict(),
    }
    buffer = io.BytesIO()
    torch.save(tree, buffer)
    write_whole(Path(path), buffer.getvalue())
    return Path(path)


def read_detector(path: str | Path) -> Kept:
    """A `TrialError` where the file is not there, not readable, or not ours."""
    path = Path(path)
    tree = read_tree(path)
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise TrialError(f"{path} is no file of `harness import`: it does not say {FORMAT!r}")
    try:
        spec = ModelSpec.model_validate_json(json.dumps(tree["spec"]))
        return Kept(str(tree["model"]), str(tree["source"]), spec, tree["state"])
    except (KeyError, TypeError, ValidationError) as error:
        raise TrialError(f"{path} is damaged: {first_line(error)}") from None


def load_detector(path: str | Path) -> Detector:
    """The detector that `harness import` wrote to a file, in eval mode on the CPU."""
    return read_detector(path).detector()
