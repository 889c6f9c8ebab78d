"""Time of compiled feature networks beside their peers', as ratios taken in one process.

    python benchmarks/feature_network.py [--cases d0 d3 fpn] [--pixels 128 512 896] [--rounds 15]
        [--compiled] [--device cuda]

`d0` and `d3` are EfficientDet's repeated BiFPN cells beside effdet's, once as it ships and once in
channels_last; their maps have the network's width already (no projections: those are cell 0's
alone). `fpn` is FPN over ResNet-50's maps beside torchvision's, where the zoo has it.

Every contestant runs in turn, round after round, so that what else the machine does falls on all
alike; a ratio is taken within a round, and the median over rounds is printed with the quartiles.
`forward` is in eval mode at batch 1 without gradients; `train` is forward and backward with norms
in training mode, at batch 2. All run eager; `--compiled` adds ours under torch.compile, and a GPU
adds replays of captured CUDA graphs, of ours and of the peers.
"""

import argparse
import copy
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import harness.compiler
from harness.graph import Graph, expand, parse, with_fields
from harness.space.zoo import load_topology, topology_names

LEVELS = (3, 4, 5)
NAMES = tuple(f"p{level}" for level in LEVELS)
Peers = dict[str, nn.Module]


@dataclass(frozen=True)
class Case:
    """A topology at a width, and the networks it is measured beside. channels: of p3, p4, p5."""

    topology: str
    width: int
    repeats: int
    channels: tuple[int, ...]
    peers: Callable[["Case", int], Peers]


@dataclass(frozen=True)
class Contestant:
    """A network and one call of it. peer: whether ours are measured by it."""

    name: str
    network: nn.Module
    run: Callable[[], list[Tensor]]
    peer: bool = False


def effdets(case: Case, pixels: int) -> Peers:
    """effdet's BiFPN with fast fusion, as `tf_efficientdet_d0` and its like build it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from effdet.config import get_efficientdet_config
        from effdet.efficientdet import BiFpn
    config = get_efficientdet_config("tf_efficientdet_d0")
    config.image_size = (pixels, pixels)
    config.fpn_channels, config.fpn_cell_repeats = case.width, case.repeats
    info = [{"num_chs": case.width, "reduction": 2**level} for level in LEVELS]
    return {"effdet": BiFpn(config, info)}


def torchvisions(case: Case, pixels: int) -> Peers:
    """torchvision's FPN, with p6 and p7 made by convolutions from p5."""
    from torchvision.ops import FeaturePyramidNetwork
    from torchvision.ops.feature_pyramid_network import LastLevelP6P7

    more = LastLevelP6P7(case.width, case.width)
    return {"torchvision": FeaturePyramidNetwork(list(case.channels), case.width, more)}


def network_of(case: Case) -> Graph:
    """Our graph; RetinaNet's FPN makes p6 from p5, as the peer here does."""
    topology = load_topology(case.topology)
    if case.topology == "fpn_retinanet":
        topology = parse(with_fields(topology.tree, {"stages.1.extra.from": "in"}))
    repeats = case.repeats if topology.blueprint.repeated is not None else None
    return expand(topology, repeats=repeats)


CASES = {
    "d0": Case("bifpn", 64, 3, (64,) * 3, effdets),
    "d3": Case("bifpn", 160, 6, (160,) * 3, effdets),
    "fpn": Case("fpn_retinanet", 256, 1, (512, 1024, 2048), torchvisions),
}


def contestants(case: Case, pixels: int, options: argparse.Namespace, train: bool) -> Iterator:
    """Ours in every form, then each peer as it ships and in channels_last."""
    sides = [pixels >> level for level in LEVELS]
    shapes = [(2 if train else 1, c, s, s) for c, s in zip(case.channels, sides, strict=True)]
    plain = [torch.randn(shape, device=options.device) for shape in shapes]
    last = [x.to(memory_format=torch.channels_last) for x in plain]
    graph = network_of(case)
    channels = dict(zip(NAMES, case.channels, strict=True))
    ours = harness.compiler.compile(graph, channels=channels, width=case.width)
    ours = ours.to(options.device, memory_format=torch.channels_last).train(train)
    forms = {"ours": ours} if train else {"ours": ours, "ours folded": ours.folded()}
    for name, network in forms.items():
        yield from ways(name, network, last, options, train, compiled=options.compiled)
    for name, network in case.peers(case, pixels).items():
        network = network.to(options.device).train(train)
        other = copy.deepcopy(network).to(memory_format=torch.channels_last)
        yield from ways(name, network, plain, options, train, peer=True)
        yield from ways(f"{name} channels_last", other, last, options, train, peer=True)


def ways(
    name: str,
    network: nn.Module,
    maps: list[Tensor],
    options: argparse.Namespace,
    train: bool,
    *,
    compiled: bool = False,
    peer: bool = False,
) -> Iterator[Contestant]:
    """A network run eager, compiled if wished, and as a CUDA graph where there is a GPU."""
    yield Contestant(name, network, caller(network, name, maps), peer)
    if compiled:
        fast = torch.compile(network, fullgraph=True)
        yield Contestant(f"{name} compiled", network, caller(fast, name, maps))
    if options.device == "cuda" and not train:
        replay = captured(caller(network, name, maps))
        yield Contestant(f"{name} CUDA graph", network, replay, peer)


def caller(
    network: Callable[..., object], name: str, maps: list[Tensor]
) -> Callable[[], list[Tensor]]:
    """A call with the maps as the network takes them: a list at effdet's, else by name."""
    if name.startswith("effdet"):
        return lambda: list(network(list(maps)))
    named = dict(zip(NAMES, maps, strict=True))
    return lambda: list(network(named).values())


@torch.no_grad()
def captured(run: Callable[[], list[Tensor]]) -> Callable[[], list[Tensor]]:
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = run()

    def replay() -> list[Tensor]:
        graph.replay()
        return outputs

    return replay


def milliseconds(contestant: Contestant, train: bool, calls: int) -> float:
    """Mean time of a call."""
    start = time.perf_counter()
    for _ in range(calls):
        with torch.set_grad_enabled(train):
            outputs = contestant.run()
        if train:
            torch.autograd.backward(outputs, [torch.ones_like(y) for y in outputs])
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / calls * 1e3


def measure(field: list[Contestant], train: bool, rounds: int) -> dict[str, list[float]]:
    """Milliseconds a call, by contestant, a round each; calls are chosen to last about 50 ms."""
    calls = {}
    for one in field:
        one.network.train(train)
        milliseconds(one, train, 2)
        calls[one.name] = max(1, round(50 / milliseconds(one, train, 2)))
    times: dict[str, list[float]] = {one.name: [] for one in field}
    for _ in range(rounds):
        for one in field:
            times[one.name].append(milliseconds(one, train, calls[one.name]))
    return times


def report(what: str, field: list[Contestant], times: dict[str, list[float]]) -> None:
    """One line a contestant: its time, and the ratio of each of ours to each peer."""
    peers = [one.name for one in field if one.peer]
    print(f"\n| {what} | ms | {' | '.join(f'to {peer}' for peer in peers)} |")
    print(f"| --- | --- |{' --- |' * len(peers)}")
    for one in field:
        own = times[one.name]
        cells = [one.name, f"{statistics.median(own):.2f}"]
        for peer in peers:
            ratios = [a / b for a, b in zip(own, times[peer], strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            cells.append("" if one.peer else f"{middle:.3f} ({low:.3f} to {high:.3f})")
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    present = [name for name, case in CASES.items() if case.topology in topology_names()]
    parser.add_argument("--cases", nargs="+", choices=present, default=["d0"])
    parser.add_argument("--pixels", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--compiled", action="store_true", help="ours under torch.compile too")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {options.device}, {torch.get_num_threads()} thread")
    for name in options.cases:
        for pixels in options.pixels:
            for train in (False, True):
                field = list(contestants(CASES[name], pixels, options, train))
                what = f"{name} {pixels} px {'train' if train else 'forward'}"
                report(what, field, measure(field, train, options.rounds))


if __name__ == "__main__":
    main()
