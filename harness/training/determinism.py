"""Global switches of torch that decide the last digit, set for one trial and put back after."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def deterministic(device: torch.device, threads: int) -> Iterator[None]:
    """Fixed threads, deterministic kernels on the CPU, and the global generator kept apart.

    On CUDA the fastest convolution kernels are looked up instead, and last digits may differ.
    """
    before = torch.get_num_threads()
    was = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    filling: Any = torch.utils.deterministic
    fill = filling.fill_uninitialized_memory
    benchmark = torch.backends.cudnn.benchmark
    cuda = [device] if device.type == "cuda" else []
    try:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(device.type == "cpu")
        filling.fill_uninitialized_memory = False
        torch.backends.cudnn.benchmark = device.type == "cuda"
        with torch.random.fork_rng(devices=cuda):
            yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(was, warn_only=warn_only)
        filling.fill_uninitialized_memory = fill
        torch.backends.cudnn.benchmark = benchmark
