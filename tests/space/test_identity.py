"""A trial's id: every field that changes a result is in it, and nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest

from harness.graph import expand, parse, to_tree
from harness.space.data import DataFacts, DataSpec
from harness.space.model import BackboneSpec, FeatureNetworkSpec, HeadSpec, ModelSpec
from harness.space.recipe import Recipe
from harness.space.trial import ADDED, Seeds, TrialSpec
from harness.space.zoo import load_topology

SPEC = TrialSpec(
    model=ModelSpec(
        image_size=64,
        num_classes=2,
        backbone=BackboneSpec(name="lcnet_035", checkpoint="/a.pt", checkpoint_digest="a"),
        feature_network=FeatureNetworkSpec(
            graph=to_tree(expand(load_topology("bifpn"), repeats=1)), width=8
        ),
        head=HeadSpec(width=8, depth=1),
    ),
    recipe=Recipe(),
    data=DataSpec(),
    facts=DataFacts(fingerprint="f", categories=("a", "b"), train_images=4, val_images=2),
    seeds=Seeds.all(0),
)
TREE = SPEC.model_dump(mode="json")
WORDS = {
    "lcnet_035": "lcnet_050", "none": "all", "efficientdet": "retinanet", "float32": "bfloat16",
    "sgd": "adamw", "hard": "soft", "a": "b",
}  # fmt: skip
APART = {
    ("model", "feature_network", "graph"),
    ("model", "backbone", "source"),
    ("model", "backbone", "checkpoint"),
    *ADDED,
}
"""The graph counts by its digest, a source by its id, a checkpoint by the digest of the file."""


def leaves(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path in APART:
        return
    if isinstance(tree, dict | list):
        for key, item in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from leaves(item, (*path, key))
    else:
        yield path


def other(value: Any) -> Any:
    """Another value of the kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return value / 2 + 0.01 if isinstance(value, float) else WORDS[value]


def changed(path: tuple[Any, ...], value: Any) -> TrialSpec:
    def put(tree: Any, steps: tuple[Any, ...]) -> Any:
        if not steps:
            return value
        copy = tree.copy()
        copy[steps[0]] = put(tree[steps[0]], steps[1:])
        return copy

    return TrialSpec.model_validate(put(TREE, path), strict=False)


def value_at(path: tuple[Any, ...]) -> Any:
    found: Any = TREE
    for step in path:
        found = found[step]
    return found


COUNTING = [p for p in leaves(TREE) if p[0] in ("model", "recipe", "seeds", "code_epoch")]


@pytest.mark.parametrize("path", COUNTING, ids=lambda path: ".".join(map(str, path)))
def test_a_field_that_changes_the_result_changes_the_id(path: tuple[Any, ...]) -> None:
    assert changed(path, other(value_at(path))).id != SPEC.id


def test_turning_something_off_changes_the_id() -> None:
    for path in (("recipe", "optimizer", "clip_norm"), ("recipe", "schedule", "ema_decay")):
        assert changed(path, None).id != SPEC.id


def test_data_count_by_their_fingerprint_alone() -> None:
    assert changed(("facts", "fingerprint"), "g").id != SPEC.id
    assert changed(("data",), DataSpec(name="coco", root="/there", train_images=4)).id == SPEC.id


def test_a_checkpoint_counts_by_its_digest_alone() -> None:
    assert changed(("model", "backbone", "checkpoint"), "/b.pt").id == SPEC.id


def test_a_graph_counts_by_its_meaning() -> None:
    path = ("model", "feature_network", "graph")
    tree = load_topology("bifpn").tree
    renamed = to_tree(expand(parse({**tree, "name": "another"}), repeats=1))
    assert changed(path, renamed).id == SPEC.id
    assert changed(path, to_tree(expand(load_topology("bifpn"), repeats=2))).id != SPEC.id


def test_a_changed_copy_has_an_id_of_its_own() -> None:
    assert SPEC.id
    assert SPEC.model_copy(update={"seeds": Seeds.all(1)}).id != SPEC.id
    assert SPEC.model_copy().id == SPEC.id


def test_a_source_counts_by_its_id() -> None:
    path = ("model", "backbone")
    first = BackboneSpec(name="lcnet_035", source=SPEC)
    same = BackboneSpec(name="lcnet_035", source=SPEC.model_copy(update={"data": DataSpec(seed=1)}))
    later = SPEC.model_copy(update={"seeds": Seeds.all(1)})
    assert changed(path, first).id == changed(path, same).id != SPEC.id
    assert changed(path, first).id != changed(path, BackboneSpec(name="lcnet_035", source=later)).id


SET = {
    ("recipe", "schedule", "drop"): {"after": [8, 11]},
    ("recipe", "loss", "negative_iou"): 0.4,
    ("model", "head", "anchors", "sides"): [[1.0, 1.0], [0.7, 1.4], [1.4, 0.7]],
    ("model", "head", "anchors", "strides"): "of_map",
    ("trainer",): "mine:train@2",
}


@pytest.mark.parametrize("path", ADDED, ids=lambda path: ".".join(path))
def test_a_field_that_came_later_counts_where_it_is_set(path: tuple[str, ...]) -> None:
    assert value_at(path) is None
    old = SPEC.identity()
    for step in path[:-1]:
        old = old[step]
    assert path[-1] not in old
    assert changed(path, SET[path]).id != SPEC.id
    assert TrialSpec.model_validate_json(changed(path, SET[path]).model_dump_json()).id != SPEC.id


def test_what_a_later_field_says_counts() -> None:
    path = ("recipe", "schedule", "drop")
    ids = {changed(path, drop).id for drop in ({"after": [8]}, {"after": [9]},
                                               {"after": [8], "factor": 0.2})}  # fmt: skip
    assert len(ids) == 3
