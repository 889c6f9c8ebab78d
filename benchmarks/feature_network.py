"""Time of compiled feature networks beside effdet's, as ratios: D0's three repeated BiFPN cells.

    python benchmarks/feature_network.py [--rounds 15] [--pixels 512 128]

Every contestant runs in turn, in one process, round after round, so that what else the machine
does falls on all alike; a ratio is taken within a round, and the median over rounds is printed with
the quartiles. Maps have the network's width already (no projections: those are cell 0's alone).
`forward` is in eval mode at batch 1 without gradients; `train` is forward and backward with norms
in training mode, at batch 2. Eager, and effdet once as it ships and once in channels_last.
"""

import argparse
import copy
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

import harness.compiler
from harness.graph import Graph, expand
from harness.space.zoo import load_topology

HEADER = """| case | network | ms | to effdet | to effdet in channels_last |
| --- | --- | --- | --- | --- |"""
WIDTH, REPEATS, LEVELS = 64, 3, (3, 4, 5)
CHANNELS = {f"p{level}": WIDTH for level in LEVELS}


@dataclass(frozen=True)
class Contestant:
    """A network, its form of input, and how its outputs come."""

    name: str
    network: nn.Module
    run: Callable[[], list[torch.Tensor]]


def effdets(pixels: int) -> nn.Module:
    """effdet's BiFPN with fast fusion, as `tf_efficientdet_d0` builds it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from effdet.config import get_efficientdet_config
        from effdet.efficientdet import BiFpn
    config = get_efficientdet_config("tf_efficientdet_d0")
    config.image_size = (pixels, pixels)
    info = [{"num_chs": WIDTH, "reduction": 2**level} for level in LEVELS]
    return BiFpn(config, info)


def ours(graph: Graph) -> harness.compiler.FeatureNetwork:
    network = harness.compiler.compile(graph, channels=CHANNELS, width=WIDTH)
    return network.to(memory_format=torch.channels_last)


def contestants(pixels: int, batch: int) -> list[Contestant]:
    graph = expand(load_topology("bifpn"), repeats=REPEATS)
    plain = [torch.randn(batch, WIDTH, pixels >> level, pixels >> level) for level in LEVELS]
    last = [x.to(memory_format=torch.channels_last) for x in plain]
    maps = dict(zip(CHANNELS, last, strict=True))
    mine, theirs = ours(graph), effdets(pixels)
    theirs_last = copy.deepcopy(theirs).to(memory_format=torch.channels_last)
    folded = mine.folded()
    return [
        Contestant("ours", mine, lambda: list(mine(maps).values())),
        Contestant("ours folded", folded, lambda: list(folded(maps).values())),
        Contestant("effdet", theirs, lambda: theirs(list(plain))),
        Contestant("effdet channels_last", theirs_last, lambda: theirs_last(list(last))),
    ]


def milliseconds(contestant: Contestant, train: bool, calls: int) -> float:
    """Mean time of a call."""
    contestant.network.train(train)
    start = time.perf_counter()
    for _ in range(calls):
        with torch.set_grad_enabled(train):
            outputs = contestant.run()
        if train:
            torch.autograd.backward(outputs, [torch.ones_like(y) for y in outputs])
    return (time.perf_counter() - start) / calls * 1e3


def measure(field: list[Contestant], train: bool, rounds: int) -> dict[str, list[float]]:
    """Milliseconds a call, by contestant, a round each; calls are chosen to last about 50 ms."""
    calls = {}
    for one in field:
        milliseconds(one, train, 2)
        calls[one.name] = max(2, round(50 / milliseconds(one, train, 2)))
    times: dict[str, list[float]] = {one.name: [] for one in field}
    for _ in range(rounds):
        for one in field:
            times[one.name].append(milliseconds(one, train, calls[one.name]))
    return times


def report(pixels: int, train: bool, times: dict[str, list[float]]) -> None:
    """One line a contestant: its time, and the ratio of each of ours to each of effdet's."""
    what = f"{pixels} px {'train' if train else 'forward'}"
    peers = [name for name in times if name.startswith("effdet")]
    for name, own in times.items():
        cells = [f"{statistics.median(own):.2f}"]
        for peer in peers:
            ratios = [a / b for a, b in zip(own, times[peer], strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            cells.append("" if name in peers else f"{middle:.3f} ({low:.3f} to {high:.3f})")
        print(f"| {what} | {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--pixels", type=int, nargs="+", default=[512, 128])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread, median of rounds\n")
    print(HEADER)
    for pixels in arguments.pixels:
        for train in (False, True):
            field = contestants(pixels, batch=2 if train else 1)
            field = [one for one in field if not (train and one.name == "ours folded")]
            report(pixels, train, measure(field, train, arguments.rounds))


if __name__ == "__main__":
    main()
