"""Where a trial runs: device, versions, host, commit. Facts for the record, never identity."""

import contextlib
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

import torch

from harness.commit import git_commit
from harness.errors import TrialError
from harness.records import Environment
from harness.space.recipe import Recipe

PACKAGES = ("torch", "torchvision", "timm", "numpy", "pycocotools", "fvcore", "pillow")


def find_device(name: str) -> torch.device:
    """`auto`, `cpu` or `cuda` as a device that is there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise TrialError("device 'cuda' was asked for, but torch finds no CUDA device here")
    return torch.device(name)


def device_of(rank: int, size: int, name: str) -> torch.device:
    """The device of a process of several: a GPU of its own, or the CPU."""
    if name == "cuda":
        there = torch.cuda.device_count()
        if size > there:
            raise TrialError(f"{size} devices a trial were asked for, and {there} are here")
        return torch.device(name, rank)
    return torch.device(name)


def memory_share(memory_gb: float | None, total: int) -> float:
    """What part of a device with `total` bytes a trial may take; all where nothing is said."""
    return 1.0 if memory_gb is None else min(1.0, memory_gb * 2**30 / total)


@contextlib.contextmanager
def capped(device: torch.device, memory_gb: float | None) -> Iterator[None]:
    """No more of a GPU's memory than this; afterwards all is given back, also what torch kept.

    What does not fit ends in torch's out-of-memory error, whatever else the GPU has free.
    """
    if device.type != "cuda":
        yield
        return
    _, total = torch.cuda.mem_get_info(device)
    torch.cuda.set_per_process_memory_fraction(memory_share(memory_gb, total), device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
        torch.cuda.empty_cache()


def device_name(device: torch.device) -> str:
    """The model of the processor or accelerator."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return _processor()


@cache
def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def precision_of(recipe: Recipe, device: torch.device) -> torch.dtype:
    """The type the network computes in; a `TrialError` where the device has not got it."""
    name = recipe.precision
    if name == "float32":
        return torch.float32
    if device.type == "cuda":
        there = name == "float16" or torch.cuda.is_bf16_supported()
    else:
        there = name == "bfloat16" and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if not there:
        raise TrialError(f"recipe.precision: {name} is not to be had on this {device.type}")
    return torch.bfloat16 if name == "bfloat16" else torch.float16


def autocast(device: torch.device, dtype: torch.dtype) -> contextlib.AbstractContextManager[object]:
    """Compute in `dtype`, where it is not float32."""
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def describe(device: torch.device, threads: int, engine: str, processes: int = 1) -> Environment:
    """The environment of a trial that starts now."""
    found = {package: _version(package) for package in PACKAGES}
    versions = {package: version for package, version in found.items() if version}
    versions |= {"python": platform.python_version(), "torch": torch.__version__}
    if device.type == "cuda" and torch.version.cuda:
        versions["cuda"] = torch.version.cuda
    return Environment(
        host=platform.node(),
        device=f"{device.type}: {device_name(device)}",
        threads=threads,
        versions=versions,
        git_commit=git_commit(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        engine=engine,
        processes=processes,
    )


class PeakMemory:
    """Peak memory since it was made, megabytes: CUDA's allocator, or this process's resident set.

    Where the system cannot reset the resident peak (not Linux), it is the process's so far.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            return
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")

    def megabytes(self) -> float:
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / 2**20
        try:
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) / 2**10
        except OSError:
            pass
        import resource

        scale = 2**20 if os.uname().sysname == "Darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
