"""Candidates screened per second: plain tree -> graph, checked, named, inferred, counted.

    python benchmarks/screening.py [--seconds 20]

Candidates are mutations of BiFPN as plain nodes (three repeats, P3 to P7): an input moved, added or
taken away, a fuse, a block or a way down put in another's place. Each goes the whole way that a
search needs before anything is built: read and checked, written out, digest, channels and sizes,
closed-form parameters and multiply-adds. No torch. Beside it, fvcore's time for the same count of
the compiled module. One thread, processor time; the median over rounds, with quartiles.
"""

import argparse
import random
import statistics
import time
from typing import Any

from harness.errors import SpecError
from harness.graph import digest, expand, infer, parse

CHANNELS = {3: 40, 4: 112, 5: 320}
WIDTH, REPEATS, PIXELS = 64, 3, 512
LEVELS = range(3, 8)
BIFPN: dict[str, tuple[int, list[str]]] = {
    "td6": (6, ["p6", "p7"]),
    "td5": (5, ["p5", "td6"]),
    "td4": (4, ["p4", "td5"]),
    "out3": (3, ["p3", "td4"]),
    "out4": (4, ["p4", "td4", "out3"]),
    "out5": (5, ["p5", "td5", "out4"]),
    "out6": (6, ["p6", "td6", "out5"]),
    "out7": (7, ["p7", "out6"]),
}
FUSES = ["sum", "mean", {"weighted": "fast"}, {"weighted": "softmax"}]
BLOCKS = ["sepconv", {"conv": 3}, {"sepconv": 5}, {"dilated": 2}]
DOWNS = [{"max_pool": "stride_plus_1"}, {"max_pool": "stride"}, "strided_conv", "avg_pool"]


def mutated(draw: random.Random) -> dict[str, Any]:
    """BiFPN with one to three changes, as a plain tree."""
    nodes: dict[str, dict[str, Any]] = {
        name: {"level": level, "from": list(inputs)} for name, (level, inputs) in BIFPN.items()
    }
    names = list(nodes)
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(len(names))
        node = nodes[names[place]]
        match draw.choice(["move", "add", "take", "fuse", "block", "down"]):
            case "move" | "add" as change:
                known = [f"p{level}" for level in LEVELS] + names[:place]
                free = [one for one in known if one not in node["from"]]
                if change == "move":
                    node["from"].pop(draw.randrange(len(node["from"])))
                node["from"].append(draw.choice(free))
            case "take":
                if len(node["from"]) > 1:
                    node["from"].pop(draw.randrange(len(node["from"])))
            case "fuse":
                node["fuse"] = draw.choice(FUSES)
            case "block":
                node["block"] = draw.choice(BLOCKS)
            case "down":
                node["down"] = draw.choice(DOWNS)
    outputs = {f"p{level}": f"out{level}" for level in LEVELS}
    return {"nodes": nodes, "outputs": outputs, "fuse": {"weighted": "fast"}, "repeats": REPEATS}


def screened(tree: dict[str, Any]) -> tuple[str, int, int] | None:
    """Digest, parameters and multiply-adds; None for a candidate that is wrong."""
    try:
        graph = expand(parse(tree))
        facts = infer(graph, channels=CHANNELS, width=WIDTH, image_size=PIXELS)
    except SpecError:
        return None
    return digest(graph), facts.params, facts.macs


def screening(seconds: float) -> None:
    """Rounds of 200 fresh candidates each."""
    draw = random.Random(0)
    rates, kept, seen, digests = [], 0, 0, set()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(rates) < 3:
        trees = [mutated(draw) for _ in range(200)]
        start = time.process_time()
        found = [screened(tree) for tree in trees]
        rates.append(len(trees) / (time.process_time() - start))
        seen += len(found)
        kept += sum(one is not None for one in found)
        digests.update(one[0] for one in found if one is not None)
    low, middle, high = statistics.quantiles(rates, n=4)
    print(f"| harness, closed form | {middle:.0f} a second ({low:.0f} to {high:.0f}) |")
    print(f"\n{seen} candidates, {kept} right, {len(digests)} of them different networks")


def counting(seconds: float) -> None:
    """fvcore on compiled candidates: the count alone."""
    import harness.compiler
    from harness.cost import count_maps

    draw = random.Random(0)
    shapes = {f"p{at}": (1, CHANNELS[at], PIXELS >> at, PIXELS >> at) for at in CHANNELS}
    channels = {f"p{level}": count for level, count in CHANNELS.items()}
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        tree = mutated(draw)
        if screened(tree) is None:
            continue
        network = harness.compiler.compile(parse(tree), channels=channels, width=WIDTH)
        start = time.process_time()
        count_maps(network, shapes)
        times.append(time.process_time() - start)
    low, middle, high = statistics.quantiles(times, n=4)
    print(
        f"| fvcore, the count alone | {1 / middle:.2f} a second ({1 / high:.2f} to {1 / low:.2f}) |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--no-fvcore", action="store_true")
    arguments = parser.parse_args()
    print("| what | candidates |\n| --- | --- |")
    if not arguments.no_fvcore:
        import torch

        torch.set_num_threads(1)
        counting(arguments.seconds)
    screening(arguments.seconds)


if __name__ == "__main__":
    main()
