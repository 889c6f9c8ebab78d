"""Candidates of a topology search screened at a limit on multiply-adds, before anything is built.

    python benchmarks/topology_screening.py [--candidates 10000] [--limit 1.0] [--profile]

Half are drawn from NAS-FPN's merging cells, half are mutations of BiFPN (three steps). They are
screened in two ways: as graphs (read and checked, written out in three repeats, named by the
digest, held against those seen and the zoo, counted in closed form), and as the proposals of a
study, which are bound to whole trials first, with their ids, and counted with backbone and heads.
On EfficientNet-B0's maps of a 512 px image, width 64. The limit is of the feature network, as a
multiple of BiFPN's own. No torch, one thread. Time is the processor's, and the wall's beside it.
"""

import argparse
import cProfile
import json
import pstats
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.errors import SpecError
from harness.graph import digest, expand, infer, parse
from harness.search.topologies import random_pick, space_of
from harness.space.bind import Choice, bind, price
from harness.space.data import DataFacts, DataSpec
from harness.space.found import zoo_digests
from harness.space.profiles import load_study
from harness.space.topology_space import TopologySpaceStudy
from harness.space.zoo import load_topology

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
STUDY = f"""\
question: Which network?
model:
  image_size: {PIXELS}
  backbone: {{name: efficientnet_b0}}
  feature_network: {{topology: bifpn, width: {WIDTH}, repeats: {REPEATS}}}
"""
TOPOLOGY = "model.feature_network.topology"
Screen = Callable[[dict[str, Any], set[str], float], str]
"""What becomes of a candidate, given the names of those seen and the limit."""


def as_graph(tree: dict[str, Any], seen: set[str], limit: float) -> str:
    graph = expand(parse(tree))
    name = digest(graph)
    if name in seen:
        return "seen before"
    seen.add(name)
    macs = infer(graph, channels=CHANNELS, width=WIDTH, image_size=PIXELS).macs
    return "kept" if macs <= limit else "over the limit"


def as_proposal(folder: Path) -> Screen:
    file = folder / "screening.yaml"
    file.write_text(STUDY)
    study = load_study(file)

    def facts(data: DataSpec, image_size: int) -> DataFacts:
        return DataFacts(fingerprint="-", categories=("a",), train_images=1, val_images=1)

    def screen(tree: dict[str, Any], seen: set[str], limit: float) -> str:
        choice = Choice("base", {}, {TOPOLOGY: tree})
        spec = bind(study, choice, 0, facts)
        if spec.id in seen:
            return "seen before"
        seen.add(spec.id)
        macs = price(study, choice, spec).parts["feature_network"].macs
        return "kept" if macs <= limit else "over the limit"

    return screen


def screened(screen: Screen, name: str, count: int, limit: float) -> None:
    """One line of the table."""
    start = time.process_time()
    space = space_of(TopologySpaceStudy.model_validate_json(json.dumps(SPACES[name])))
    seen = set(zoo_digests(space.levels, REPEATS).values())
    found: Counter[str] = Counter()
    for seed in range(count):
        tree = space.draw(random_pick(seed))
        try:
            found[screen(tree, seen, limit)] += 1
        except SpecError:
            found["wrong"] += 1
    seconds = time.process_time() - start
    parts = [found[key] for key in ("kept", "over the limit", "seen before", "wrong")]
    print(f"| {name} | {count} | {' | '.join(map(str, parts))} | {count / seconds:.0f} |")


def screening(title: str, screen: Screen, count: int, limit: float) -> None:
    print(f"\n{title}\n")
    print("| space | candidates | kept | over the limit | seen before | wrong | a second |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    wall, processor = time.perf_counter(), time.process_time()
    for name in SPACES:
        screened(screen, name, count // len(SPACES), limit)
    processor, wall = time.process_time() - processor, time.perf_counter() - wall
    print(f"\n{count} candidates: {processor:.1f} s of the processor, {wall:.1f} s by the clock")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument(
        "--limit", type=float, default=1.0, help="multiple of BiFPN's multiply-adds"
    )
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    arguments = parser.parse_args()
    bifpn = expand(load_topology("bifpn"), repeats=REPEATS)
    cost = infer(bifpn, channels=CHANNELS, width=WIDTH, image_size=PIXELS)
    limit, count = arguments.limit * cost.macs, arguments.candidates
    profile = cProfile.Profile()
    if arguments.profile:
        profile.enable()
    screening("As graphs", as_graph, count, limit)
    with tempfile.TemporaryDirectory() as folder:
        screening("As proposals of a study", as_proposal(Path(folder)), count, limit)
    if arguments.profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
