"""What is not the same on all sides, and what that forbids.

Arms may be ranked together only where training code and data are the same, and the recipe, too,
unless the study varies it on purpose (Lindauer & Hutter, JMLR 21/243, 2020). Device, versions,
batch size, image size, epochs and pretrained weights are told: they may be why arms differ.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from harness.comparing.comparison import Differing
from harness.comparing.sides import Side
from harness.records import TrialRecord

Effect = Literal["forbids a ranking", "confounds", "is compared"]

FORBIDS = {
    "facts.fingerprint": "the data differ",
    "code_epoch": "the training code differs (code epoch)",
    "trainer": "the training code differs (trainer)",
}
"""Settings that must be the same, and what is said where they are not."""
CONFOUNDS = ("recipe.batch_size", "recipe.schedule.epochs", "model.image_size", "environment.")
WEIGHTS = ("pretrained", "checkpoint_digest", "source")
"""Of the backbone: what it was trained on before."""
SILENT = ("seeds.", "data.root", "facts.needs", "model.backbone.checkpoint")
"""No setting of the comparison, or said by another one."""
SHOWN = 60


def differing(sides: Sequence[Side]) -> tuple[Differing, ...]:
    """Every setting that has other values on one side than on another; what forbids comes first."""
    values = [_values(side) for side in sides]
    free = len({side.place for side in sides}) == 1 and bool(sides[0].place)
    paths = dict.fromkeys(path for held in values for path in held)
    uneven = [p for p in paths if len({tuple(sorted(v.get(p, {"–"}))) for v in values}) > 1]
    alone = not any(path.startswith("model.") for path in uneven)
    found = [
        Differing(
            path,
            {
                side.word: _shown(held.get(path, {"–"}))
                for side, held in zip(sides, values, strict=True)
            },
            _effect(path, free, alone),
        )
        for path in uneven
    ]
    order = ("forbids a ranking", "confounds", "is compared")
    return tuple(sorted(found, key=lambda one: order.index(one.effect)))


def refusals(found: Sequence[Differing]) -> tuple[str, ...]:
    """Why these must not be ranked together: what differs, with its values."""
    told = []
    for one in found:
        if one.effect == "forbids a ranking":
            what = FORBIDS.get(one.path, f"the recipe differs ({one.path})")
            told.append(f"{what}: {', '.join(f'{k} {v}' for k, v in one.values.items())}")
    return tuple(told)


def warnings(found: Sequence[Differing]) -> tuple[str, ...]:
    """A line where something else than the networks may be why they differ."""
    paths = [one.path for one in found if one.effect == "confounds"]
    if not paths:
        return ()
    return (f"may be why they differ, beside the networks: {', '.join(paths)}",)


def _effect(path: str, free: bool, alone: bool) -> Effect:
    """free: one study's own arms, which may vary what they like; alone: no model differs, so a
    recipe is what is compared."""
    if path in FORBIDS:
        return "forbids a ranking"
    backbone, _, name = path.rpartition(".")
    if path.startswith(CONFOUNDS) or (backbone.startswith("model.backbone") and name in WEIGHTS):
        return "confounds"
    if path.startswith("recipe.") and not free and not alone:
        return "forbids a ranking"
    return "is compared"


def _values(side: Side) -> dict[str, set[str]]:
    """The values of each setting over the trials of a side."""
    found: dict[str, set[str]] = {}
    for records in side.arms.values():
        for record in records:
            for path, value in _settings(record):
                found.setdefault(path, set()).add(value)
    return found


def _settings(record: TrialRecord) -> Iterator[tuple[str, str]]:
    tree = {**record.spec}
    tree.pop("seeds", None)
    for path, value in _flat(tree):
        if not path.startswith(SILENT[:3]) and path != SILENT[3]:
            yield path, value
    place = record.environment
    yield "environment.device", place.device
    yield "environment.threads", str(place.threads)
    yield "environment.processes", str(place.processes)
    for name, version in sorted(place.versions.items()):
        yield f"environment.{name}", version


def _flat(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Dotted paths and values in words; a network is one value, and so is a pretraining."""
    # What is None is as in trials from before there was such a setting.
    if isinstance(tree, Mapping):
        if path == "model.backbone.source" or path.endswith("feature_network.graph"):
            yield path, _digest(tree)
            return
        for name, value in tree.items():
            yield from _flat(value, f"{path}.{name}" if path else str(name))
    elif tree is not None:
        yield path, tree if isinstance(tree, str) else json.dumps(tree)


def _digest(tree: Mapping[str, Any]) -> str:
    text = json.dumps(_without_none(tree), sort_keys=True)
    made = hashlib.sha256(text.encode()).hexdigest()[:8]
    name = tree.get("name")
    return f"{name} ({made})" if isinstance(name, str) else made


def _without_none(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {k: _without_none(v) for k, v in tree.items() if v is not None}
    return [_without_none(one) for one in tree] if isinstance(tree, list) else tree


def _shown(values: set[str]) -> str:
    words = ", ".join(sorted(values))
    return words if len(words) <= SHOWN else f"{words[: SHOWN - 3]}..."
