"""Device, threads, memory and disk: what trials would run on."""

import shutil
from pathlib import Path
from typing import Any

import torch

from harness.doctor.finding import Finding, Setting
from harness.engines.base import processors
from harness.environment import device_name, find_device
from harness.files import is_local

LEAST_MEMORY_GB, LEAST_DISK_GB = 2.0, 1.0
"""Of the shipped studies: a trial takes 0.7 GB, and the laptop's results 0.2 GB."""


def machine(setting: Setting) -> Finding:
    """Does not hold where the device is not there, or a shipped study would not fit."""
    device = find_device(setting.device)
    memory, disk = free_memory_gb(), free_disk_gb(setting.results)
    figures: dict[str, Any] = {
        "device": f"{device.type}: {device_name(device)}",
        "cores": processors(),
        "torch_threads": torch.get_num_threads(),
        "free_memory_gb": memory,
        "free_disk_gb": disk,
    }
    if torch.cuda.is_available():
        figures["gpus"] = [_gpu(index) for index in range(torch.cuda.device_count())]
    short = [
        f"{have:.1f} GB of {what} are free, {least:g} are wanted"
        for what, have, least in (
            ("memory", memory, LEAST_MEMORY_GB),
            ("disk", disk, LEAST_DISK_GB),
        )
        if have is not None and have < least
    ]
    said = f"{figures['device']}, {_counted(processors(), 'core')}"
    said += "".join(
        f", {have:.1f} GB of {what} free"
        for what, have in (("memory", memory), ("disk", disk))
        if have is not None
    )
    return Finding.of(not short, "; ".join(short) or said, **figures)


def free_memory_gb() -> float | None:
    """Memory that could be taken, in GB (10^9 bytes); what a container leaves where that is less.

    None where the system does not say.
    """
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvail"))
    except (OSError, StopIteration, ValueError):
        return None
    try:
        most = int(Path("/sys/fs/cgroup/memory.max").read_text())
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
        free = min(free, max(0, most - used))
    except (OSError, ValueError):
        pass
    return free / 1e9


def free_disk_gb(results: Path) -> float | None:
    """Room on the disk of the results, in GB (10^9 bytes); None for a store."""
    if not is_local(results):
        return None
    there = next(one for one in (results, *results.absolute().parents) if one.exists())
    return shutil.disk_usage(there).free / 1e9


def _gpu(index: int) -> dict[str, Any]:
    free, total = torch.cuda.mem_get_info(index)
    return {
        "name": torch.cuda.get_device_name(index),
        "free_gb": free / 1e9,
        "total_gb": total / 1e9,
    }


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
