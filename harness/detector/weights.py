"""A backbone's weights from a local file: ours or timm's, torch or safetensors."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from harness.errors import TrialError
from harness.weights import State, read_tensors

PREFIXES = ("module.", "backbone.", "net.")


def load_weights(net: nn.Module, path: Path, digest: str | None = None) -> None:
    """Fill a timm backbone from a file that may hold more than it (a head, later stages).

    digest: sha256 the file must have. Every tensor of `net` must be there, in its shape.
    """
    own = net.state_dict()
    found = _renamed(read_tensors(path, digest), own)
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


def _renamed(state: State, own: Mapping[str, Tensor]) -> State:
    """Names as the truncated network has them: prefixes off, `stages.0.x` as `stages_0.x`."""
    for prefix in PREFIXES:
        inside = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        state = inside or state
    return {(k if k in own else k.replace(".", "_", 1)): v for k, v in state.items()}


def _few(items: list[str]) -> str:
    return ", ".join(items[:3]) + (", ..." if len(items) > 3 else "")
