"""Weights by name: read from a file without running anything in it, and put where they belong."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.compiler.network import FeatureNetwork
from harness.compiler.state import noted, strangers
from harness.errors import TrialError, first_line

State = Mapping[str, Tensor]
WRAPPERS = ("state_dict_ema", "state_dict", "model", "state")


@dataclass(frozen=True, slots=True)
class Misfit:
    """A tensor that is there under the right name, and is not of the right kind."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of every name.

    missing: of the network, not among the weights; they stay as they were. unexpected: among the
    weights, not of the network. misfits: of another shape or of other inputs; not taken.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misfits: tuple[Misfit, ...]

    @property
    def complete(self) -> bool:
        """Whether all weights were taken and the network has nothing else."""
        return not (self.missing or self.unexpected or self.misfits)

    def __str__(self) -> str:
        lines = [f"{len(self.loaded)} tensors loaded"]
        lines += [f"missing: {name}" for name in self.missing]
        lines += [f"unexpected: {name}" for name in self.unexpected]
        lines += [f"misfit: {one.name} is {one.reason}" for one in self.misfits]
        return "\n".join(lines)


def load_weights(network: nn.Module, weights: str | Path | State) -> Loaded:
    """Fill a network or detector with all weights that are its own by name, shape and inputs.

    weights: a state dict, or a file of torch's (read with `weights_only`) or safetensors. Nothing
    is renamed or guessed. What fusion weights are weights of is told by what torch keeps beside a
    state dict; where that is lost (safetensors, a plain dict), they are taken only if everything
    else fits.
    """
    state = read_tensors(Path(weights)) if isinstance(weights, str | Path) else weights
    own = network.state_dict()
    misfits = {
        name: f"{tuple(value.shape)}, not {tuple(own[name].shape)}"
        for name, value in state.items()
        if name in own and value.shape != own[name].shape
    }
    alike = own.keys() == state.keys() and not misfits
    for place, part in network.named_modules():
        if isinstance(part, FeatureNetwork):
            prefix = f"{place}." if place else ""
            for name, reason in _strange(part, state, prefix, alike).items():
                if name in state:
                    misfits.setdefault(name, reason)
    taken = OrderedDict((k, v) for k, v in state.items() if k in own and k not in misfits)
    taken._metadata = getattr(state, "_metadata", {})  # type: ignore[attr-defined]
    network.load_state_dict(taken, strict=False)
    return Loaded(
        loaded=tuple(name for name in own if name in taken),
        missing=tuple(name for name in own if name not in state),
        unexpected=tuple(name for name in state if name not in own),
        misfits=tuple(Misfit(name, reason) for name, reason in misfits.items()),
    )


def _strange(network: FeatureNetwork, state: State, prefix: str, alike: bool) -> dict[str, str]:
    """Tensors of fuses whose weights are, or may be, of other inputs; each with the reason."""
    own, theirs = network.weighed_inputs, noted(state, prefix)
    places = dict(strangers(network, own, theirs))
    if not alike:
        unknown = "of inputs that nothing names, beside other weights that do not fit"
        places |= {place: unknown for place in own if place not in theirs}
    return {
        f"{prefix}{place}.{name}": reason
        for place, reason in places.items()
        for name in network.get_submodule(place).state_dict()
    }


def read_tensors(path: Path, digest: str | None = None) -> State:
    """The tensors of a file by name. Nothing in it is ever run. digest: sha256 it must have."""
    try:
        if digest is not None and (real := file_digest(path)) != digest:
            raise TrialError(f"{path} has sha256 {real}, not {digest}")
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
    except TrialError:
        raise
    except FileNotFoundError:
        raise TrialError(f"no weights file {path}") from None
    except Exception as error:
        raise TrialError(f"cannot read the weights file {path}: {first_line(error)}") from error
    return _tensors(read_tree(path), path)


def read_tree(path: Path) -> Any:
    """What torch kept in a file: tensors, numbers and words. Nothing in it is ever run."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise TrialError(f"no weights file {path}") from None
    except OSError as error:
        raise TrialError(f"cannot read the weights file {path}: {error.strerror}") from error
    except Exception as error:  # torch raises what its unpickler stumbles over
        reason = "it is damaged, none that torch wrote, or a whole model: save its state_dict()"
        raise TrialError(f"cannot read the weights file {path}: {reason}") from error


def file_digest(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tensors(tree: Any, path: Path) -> State:
    while isinstance(tree, Mapping) and (
        inner := [k for k in WRAPPERS if isinstance(tree.get(k), Mapping)]
    ):
        tree = tree[inner[0]]
    if not isinstance(tree, Mapping) or not any(isinstance(v, Tensor) for v in tree.values()):
        raise TrialError(f"{path} holds no weights by name")
    found = OrderedDict((str(k), v) for k, v in tree.items() if isinstance(v, Tensor))
    found._metadata = getattr(tree, "_metadata", {})  # type: ignore[attr-defined]
    return found
