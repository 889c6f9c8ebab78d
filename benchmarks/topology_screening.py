"""Candidates of a topology search screened at a limit on multiply-adds, before anything is built.

    python benchmarks/topology_screening.py [--candidates 10000] [--limit 0.2e9] [--profile]

Half are drawn from NAS-FPN's merging cells, half are mutations of BiFPN (three steps). Each goes
the way of a proposal: drawn, read and checked, written out (three repeats), named by its digest,
held against those seen and the zoo, counted in closed form (EfficientNet-B0's maps of a 512 px
image, width 64). No torch, one thread. Time is the processor's, and the wall's beside it.
"""

import argparse
import cProfile
import json
import pstats
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from harness.errors import SpecError
from harness.graph import digest, expand, infer, parse
from harness.search.topologies import AbstractTopologySpace, random_pick, space_of
from harness.space.found import zoo_digests
from harness.space.topology_space import TopologySpaceStudy

CHANNELS = {3: 40, 4: 112, 5: 320}
WIDTH, REPEATS, PIXELS = 64, 3, 512
FUSES = ["sum", "gate", {"weighted": "fast"}, {"weighted": "softmax"}]
SPACES: dict[str, dict[str, Any]] = {
    "merging cells": {
        "merging_cells": {"fuses": FUSES, "conventions": "efficientdet", "repeats": REPEATS}
    },
    "mutations of bifpn": {
        "mutations": {"of": "bifpn", "steps": 3, "fuses": FUSES, "blocks": [{"conv": 3}]}
    },
}


def screened(tree: dict[str, Any], seen: set[str], limit: float) -> str:
    """What becomes of a candidate."""
    try:
        graph = expand(parse(tree))
        name = digest(graph)
        if name in seen:
            return "seen before"
        seen.add(name)
        facts = infer(graph, channels=CHANNELS, width=WIDTH, image_size=PIXELS)
    except SpecError:
        return "wrong"
    return "kept" if facts.macs <= limit else "over the limit"


def screen(space: AbstractTopologySpace, count: int, limit: float) -> Counter[str]:
    """Candidates by what became of them."""
    seen = set(zoo_digests(space.levels, REPEATS).values())
    return Counter(screened(tree, seen, limit) for tree in drawn(space, count))


def drawn(space: AbstractTopologySpace, count: int) -> Iterator[dict[str, Any]]:
    for seed in range(count):
        yield space.draw(random_pick(seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--limit", type=float, default=1e9, help="multiply-adds of the network")
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    arguments = parser.parse_args()
    profile = cProfile.Profile()
    if arguments.profile:
        profile.enable()
    print("| space | candidates | kept | over the limit | seen before | wrong | a second | s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    wall, processor = time.perf_counter(), time.process_time()
    for name, said in SPACES.items():
        start, count = time.process_time(), arguments.candidates // len(SPACES)
        space = space_of(TopologySpaceStudy.model_validate_json(json.dumps(said)))
        found = screen(space, count, arguments.limit)
        seconds = time.process_time() - start
        parts = [found[key] for key in ("kept", "over the limit", "seen before", "wrong")]
        print(f"| {name} | {count} | {' | '.join(map(str, parts))} | {count / seconds:.0f} | "
              f"{seconds:.1f} |")  # fmt: skip
    processor, wall = time.process_time() - processor, time.perf_counter() - wall
    print(f"\n{arguments.candidates} candidates in {processor:.1f} s of one core ({wall:.1f} s)")
    if arguments.profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
