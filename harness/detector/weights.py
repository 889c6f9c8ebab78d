"""Reading a backbone's weights from a local file: ours or timm's, torch or safetensors."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import TrialError

State = dict[str, Tensor]
WRAPPERS = ("state_dict", "model")
PREFIXES = ("module.", "backbone.", "net.")


def file_digest(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_weights(net: nn.Module, path: Path, digest: str | None = None) -> None:
    """Fill a timm backbone from a file that may hold more than it (a head, later stages).

    digest: sha256 the file must have. Every tensor of `net` must be there, in its shape.
    """
    own = net.state_dict()
    found = _renamed(_read(path, digest), own)
    missing = [k for k in own if k not in found and not k.endswith("num_batches_tracked")]
    if missing:
        raise TrialError(
            f"{path} lacks {len(missing)} of the backbone's {len(own)} tensors: {_few(missing)}"
        )
    misfits = [
        f"{k} is {tuple(found[k].shape)}, not {tuple(v.shape)}"
        for k, v in own.items()
        if k in found and found[k].shape != v.shape
    ]
    if misfits:
        raise TrialError(f"{path} does not fit the backbone: {_few(misfits)}")
    net.load_state_dict({k: found.get(k, v) for k, v in own.items()})


def _read(path: Path, digest: str | None) -> State:
    """The tensors of a file by name. Nothing in it is ever run."""
    try:
        if digest is not None and (real := file_digest(path)) != digest:
            raise TrialError(f"{path} has sha256 {real}, not {digest}")
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        tree = torch.load(path, map_location="cpu", weights_only=True)
    except TrialError:
        raise
    except FileNotFoundError:
        raise TrialError(f"no weights file {path}") from None
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise TrialError(f"cannot read the weights file {path}: {reason}") from error
    return _tensors(tree, path)


def _tensors(tree: Any, path: Path) -> State:
    while isinstance(tree, Mapping) and (inner := [k for k in WRAPPERS if k in tree]):
        tree = tree[inner[0]]
    if not isinstance(tree, Mapping) or not any(isinstance(v, Tensor) for v in tree.values()):
        raise TrialError(f"{path} holds no weights by name")
    return {str(k): v for k, v in tree.items() if isinstance(v, Tensor)}


def _renamed(state: State, own: Mapping[str, Tensor]) -> State:
    """Names as the truncated network has them: prefixes off, `stages.0.x` as `stages_0.x`."""
    for prefix in PREFIXES:
        inside = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        state = inside or state
    return {(k if k in own else k.replace(".", "_", 1)): v for k, v in state.items()}


def _few(items: list[str]) -> str:
    return ", ".join(items[:3]) + (", ..." if len(items) > 3 else "")
