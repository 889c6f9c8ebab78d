"""How long the network takes for one image, measured by the clock."""

import statistics
import time
from collections.abc import Callable

import torch

from harness.environment import device_name
from harness.records import Latency

WARM_UP = 5
LEAST, MOST = 10, 200


@torch.inference_mode()
def measure(
    forward: Callable[[torch.Tensor], object],
    image_size: int,
    device: torch.device,
    *,
    precision: torch.dtype = torch.float32,
    budget: float = 1.0,
) -> Latency:
    """Median and 90th percentile of the forward pass at batch 1, after a warm-up.

    forward: the network in eval mode, called with (1, 3, image_size, image_size).
    budget: seconds to spend; between `LEAST` and `MOST` runs are timed whatever it is.
    """
    images = torch.zeros(1, 3, image_size, image_size, device=device)
    images = images.to(memory_format=torch.channels_last)

    def once() -> float:
        started = time.perf_counter()
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            forward(images)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - started

    warm = min(once() for _ in range(WARM_UP))
    runs = max(LEAST, min(MOST, int(budget / max(warm, 1e-9))))
    times = sorted(once() for _ in range(runs))
    return Latency(
        median_ms=1e3 * statistics.median(times),
        p90_ms=1e3 * times[min(runs - 1, int(0.9 * runs))],
        runs=runs,
        batch=1,
        device=f"{device.type}: {device_name(device)}",
        conditions=_conditions(device, image_size, precision),
    )


def _conditions(device: torch.device, image_size: int, precision: torch.dtype) -> str:
    threads = f", {torch.get_num_threads()} threads" if device.type == "cpu" else ""
    kind = str(precision).removeprefix("torch.")
    return (
        f"forward pass alone, {image_size} px, {kind}, eager, channels last{threads}, "
        "other trials may have run at the same time"
    )
