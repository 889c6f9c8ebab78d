"""Maps of a frozen backbone, computed once and kept: trials that share it never touch pixels.

`results/cache/features/<key>/` holds one float32 array a part (`train`, with mirror images after
the images, and `val`) and level, (images, h, w, channels), so that a batch of it is channels last.
The key is the digest of all that changes the numbers, the code epoch with them: whoever changes
how images are prepared raises it. A folder is written beside its place, then renamed.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from filelock import FileLock
from torch import Tensor, nn

log = logging.getLogger(__name__)

VERSION = 1
LIMIT = 8 * 2**30
"""Bytes above which features are not kept; images are then read at every step."""

Images = Callable[[], Iterator[Tensor]]
"""Gives the normalised images of a part in order, in batches (n, 3, H, W)."""
Backbone = Callable[[Tensor], Mapping[str, Tensor]]


@dataclass(frozen=True, slots=True)
class Part:
    """Images whose features are wanted, and how many they are."""

    count: int
    images: Images


@dataclass(frozen=True, slots=True)
class Features:
    """Maps by part and level, on disk."""

    arrays: dict[str, dict[str, npt.NDArray[np.float32]]]

    def batch(self, part: str, rows: npt.NDArray[np.int64]) -> dict[str, Tensor]:
        """{"p3": (len(rows), C, h, w), ...}, channels last."""
        return {
            level: torch.from_numpy(np.asarray(array[rows])).permute(0, 3, 1, 2)
            for level, array in self.arrays[part].items()
        }


def weights_digest(module: nn.Module) -> str:
    """sha256 of a module's tensors with their names."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


@torch.inference_mode()
def open_features(
    backbone: Backbone,
    parts: Mapping[str, Part],
    identity: Mapping[str, Any],
    cache: Path,
    image_size: int,
    device: torch.device,
) -> Features | None:
    """The features of `parts`, computed where they are not there; None where they are too large.

    backbone: in eval mode, on `device`. identity: what changes the numbers (plain values).
    """
    about = {
        "version": VERSION,
        "torch": torch.__version__,
        "device": device.type,
        "image_size": image_size,
        "parts": {name: part.count for name, part in parts.items()},
        **identity,
    }
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]
    folder = cache / "features" / key
    if not folder.is_dir():
        shapes = _shapes(backbone, image_size, device)
        if not _fits(shapes, parts, cache):
            return None
        with FileLock(cache / "features" / f"{key}.lock"):
            if not folder.is_dir():
                _write(folder, backbone, parts, shapes, about, device)
    arrays: dict[str, dict[str, npt.NDArray[np.float32]]] = {name: {} for name in parts}
    for file in sorted(folder.glob("*.npy")):
        part, level = file.stem.split(".")
        arrays[part][level] = np.load(file, mmap_mode="r", allow_pickle=False)
    return Features(arrays)


def _shapes(
    backbone: Backbone, image_size: int, device: torch.device
) -> dict[str, tuple[int, int, int]]:
    """(h, w, channels) by level."""
    maps = backbone(torch.zeros(1, 3, image_size, image_size, device=device))
    return {level: (x.shape[2], x.shape[3], x.shape[1]) for level, x in maps.items()}


def _fits(
    shapes: Mapping[str, tuple[int, int, int]], parts: Mapping[str, Part], cache: Path
) -> bool:
    """Whether the features are small enough to keep, with as much disk left over."""
    images = sum(part.count for part in parts.values())
    size = 4 * images * sum(h * w * c for h, w, c in shapes.values())
    (cache / "features").mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free
    if size <= LIMIT and 2 * size <= free:
        return True
    log.info("features not kept: %.1f GB, %.1f GB free on disk", size / 1e9, free / 1e9)
    return False


def _write(
    folder: Path,
    backbone: Backbone,
    parts: Mapping[str, Part],
    shapes: Mapping[str, tuple[int, int, int]],
    about: Mapping[str, Any],
    device: torch.device,
) -> None:
    for left in folder.parent.glob(f".{folder.name}.*.part"):
        shutil.rmtree(left, ignore_errors=True)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    beside.mkdir()
    for name, part in parts.items():
        files = {
            level: np.lib.format.open_memmap(
                beside / f"{name}.{level}.npy", "w+", np.float32, (part.count, *shape)
            )
            for level, shape in shapes.items()
        }
        done = 0
        for images in part.images():
            maps = backbone(images.to(device, memory_format=torch.channels_last))
            for level, x in maps.items():
                files[level][done : done + len(x)] = x.permute(0, 2, 3, 1).float().cpu().numpy()
            done += len(images)
        if done != part.count:
            raise ValueError(f"{name}: {done} images, not {part.count}")
        for file in files.values():
            file.flush()
    (beside / "about.json").write_text(json.dumps(about, indent=1, sort_keys=True) + "\n")
    beside.rename(folder)
