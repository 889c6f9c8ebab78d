"""Softmax against fast fusion, measured in turn: table 6 of the EfficientDet paper on this machine.

    python benchmarks/fusion_latency.py [--models d0 d3 d4] [--rounds 20] [--image-size 512]
        [--threads 1] [--device cuda] [--modes stepwise eager compiled] [--whole] [--control]

BiFPN as D0, D3 and D4 have it (width, cells, channels of the backbone's maps), random weights, eval
mode, batch 1. `stepwise` fuses step by step as the paper's framework did, `eager` is this
project's network as it is trained, `compiled` the same under torch.compile. Both arms run in turn,
round after round; a ratio is taken within a round. `--whole` measures whole detectors besides.
`--control` adds a second copy of the softmax network as an arm: its ratio should be 1, and where it
is not, that is how far two copies of one network are apart here.
"""

import argparse
from collections.abc import Iterator

from harness.graph import expand, parse, to_tree, with_fields
from harness.latency.compare import compare
from harness.space.model import FeatureNetworkSpec, ModelSpec
from harness.space.scaling import member, member_model
from harness.space.zoo import load_topology
from harness.timings import METHOD, MODES, PARTS, Comparison, Conditions


def detector(name: str, norm: str, image_size: int | None) -> ModelSpec:
    """A member of the family with weighted fusion of a norm."""
    model = member_model(name)
    tree = with_fields(load_topology("bifpn").tree, {"fuse": {"weighted": norm}})
    graph = to_tree(expand(parse(tree), repeats=member(name).repeats))
    network = FeatureNetworkSpec(graph=graph, width=model.feature_network.width)
    size = image_size or model.image_size
    return model.model_copy(update={"feature_network": network, "image_size": size})


def rows(one: Comparison) -> Iterator[str]:
    """The lines of the table: one an arm."""
    said = one.setting
    head = f"| {said.models[0]} | {said.part.replace('_', ' ')} | {said.mode} |"
    if one.reason:
        yield f"{head} not measured: {one.reason} | | | | |"
    for found in one.speedups():
        low, high = found.interval or (float("nan"),) * 2
        times = f"{one.median_ms(found.against):.1f}, {one.median_ms(found.arm):.1f}"
        yield (
            f"{head} {found.arm} | {found.median:.3f} [{low:.3f}, {high:.3f}] | "
            f"{found.quartiles[0]:.3f} to {found.quartiles[1]:.3f} | {times} | {found.rounds} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["d0", "d3", "d4"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--image-size", type=int, help="in place of each model's own")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--whole", action="store_true", help="whole detectors too")
    parser.add_argument("--control", action="store_true", help="softmax against a copy of itself")
    given = parser.parse_args()
    parts = PARTS if given.whole else PARTS[:1]
    conditions = Conditions(
        given.device, given.threads, given.rounds, parts=parts, modes=tuple(given.modes)
    )
    arms = {"softmax": "softmax", "fast": "fast"}
    arms |= {"softmax again": "softmax"} if given.control else {}
    print(
        "| network | part | form | arm | times as fast as softmax [95%] | quartiles | ms | rounds |"
    )
    print(f"|{' --- |' * 8}", flush=True)
    for name in given.models:
        models = {
            arm: detector(f"efficientdet_{name}", norm, given.image_size)
            for arm, norm in arms.items()
        }
        for one in compare(models, conditions):
            print("\n".join(rows(one)), flush=True)
    said = one.setting
    print(f"\n{said.device}, {said.threads} thread, {said.precision}, {said.memory_format}, "
          f"torch {one.environment.versions['torch']}; interval: {METHOD}")  # fmt: skip


if __name__ == "__main__":
    main()
