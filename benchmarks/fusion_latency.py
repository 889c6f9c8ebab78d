"""Softmax against fast fusion, measured in turn: table 6 of the EfficientDet paper on this machine.

    python benchmarks/fusion_latency.py [--models d0 d3 d4] [--rounds 20] [--image-size 512]
        [--threads 1] [--device cuda] [--modes published eager compiled] [--whole]

BiFPN as D0, D3 and D4 have it (width, cells, channels of the backbone's maps), random weights, eval
mode, batch 1. `published` fuses step by step as the paper's framework did, `eager` is this
project's network as it is trained, `compiled` the same under torch.compile. Both arms run in turn,
round after round; a ratio is taken within a round. `--whole` measures whole detectors besides.
"""

import argparse

from harness.graph import expand, parse, to_tree, with_fields
from harness.latency.compare import compare
from harness.space.model import FeatureNetworkSpec, ModelSpec
from harness.space.scaling import member, member_model
from harness.space.zoo import load_topology
from harness.timings import METHOD, MODES, PARTS, Comparison, Conditions

ARMS = ("softmax", "fast")


def detector(name: str, norm: str, image_size: int | None) -> ModelSpec:
    """A member of the family with weighted fusion of a norm."""
    model = member_model(name)
    tree = with_fields(load_topology("bifpn").tree, {"fuse": {"weighted": norm}})
    graph = to_tree(expand(parse(tree), repeats=member(name).repeats))
    network = FeatureNetworkSpec(graph=graph, width=model.feature_network.width)
    size = image_size or model.image_size
    return model.model_copy(update={"feature_network": network, "image_size": size})


def row(one: Comparison) -> str:
    """One line of the table."""
    said = one.setting
    head = f"| {said.models[0]} | {said.part.replace('_', ' ')} | {said.mode} |"
    if one.reason:
        return f"{head} not measured: {one.reason} | | | |"
    (found,) = one.speedups()
    low, high = found.interval or (float("nan"),) * 2
    slow, fast = (one.median_ms(arm) for arm in said.arms)
    return (
        f"{head} {found.median:.3f} [{low:.3f}, {high:.3f}] | "
        f"{found.quartiles[0]:.3f} to {found.quartiles[1]:.3f} | "
        f"{slow:.1f}, {fast:.1f} | {found.rounds} |"
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
    given = parser.parse_args()
    parts = PARTS if given.whole else PARTS[:1]
    conditions = Conditions(
        given.device, given.threads, given.rounds, parts=parts, modes=tuple(given.modes)
    )
    print("| network | part | form | fast is x times as fast [95%] | quartiles | ms | rounds |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name in given.models:
        models = {arm: detector(f"efficientdet_{name}", arm, given.image_size) for arm in ARMS}
        for one in compare(models, conditions):
            print(row(one), flush=True)
    said = one.setting
    print(f"\n{said.device}, {said.threads} thread, {said.precision}, {said.memory_format}, "
          f"torch {one.environment.versions['torch']}; interval: {METHOD}")  # fmt: skip


if __name__ == "__main__":
    main()
