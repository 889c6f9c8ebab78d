"""A trial: one network, recipe, dataset and set of seeds. Its id is what changes the result."""

import hashlib
import json
from functools import cached_property, reduce
from operator import getitem
from typing import Any

from harness.graph import digest, from_tree
from harness.space.base import Frozen
from harness.space.data import DataFacts, DataSpec
from harness.space.model import BackboneSpec, ModelSpec
from harness.space.recipe import Recipe

CODE_EPOCH = 1
"""Raised whenever the same spec gives other numbers than before. A golden test forces it."""


ADDED = (
    ("recipe", "schedule", "drop"),
    ("recipe", "loss", "negative_iou"),
    ("model", "head", "anchors", "sides"),
    ("model", "head", "anchors", "strides"),
    ("trainer",),
)
"""Fields that came after ids were given out: None, as it was for all before, is not in the id."""


class Seeds(Frozen):
    """Named streams: what is random in a trial, each on its own."""

    init: int
    order: int
    augmentation: int

    @classmethod
    def all(cls, seed: int) -> "Seeds":
        return cls(init=seed, order=seed, augmentation=seed)


class TrialSpec(Frozen):
    """Everything `run_trial` needs to know, and the only thing that crosses the wire (as JSON)."""

    model: ModelSpec
    recipe: Recipe
    data: DataSpec
    facts: DataFacts
    seeds: Seeds
    code_epoch: int = CODE_EPOCH
    trainer: str | None = None
    """A function of the user's own that trains it, `package:function`, with `@version` where it
    has one; None is the harness's own."""

    @cached_property
    def id(self) -> str:
        """Digest of what changes the result: 16 hex digits."""
        text = json.dumps(self.identity(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def model_copy(self, **options: Any) -> "TrialSpec":
        """A copy finds its own id: pydantic hands a cached one on, whatever was changed."""
        copy = super().model_copy(**options)
        copy.__dict__.pop("id", None)
        return copy

    def identity(self) -> dict[str, Any]:
        """What the id is the digest of. Not device, workers, paths, names or spellings."""
        tree = self.model_dump(mode="json", exclude={"data", "facts"})
        tree["data"] = self.facts.fingerprint
        tree["model"]["feature_network"]["graph"] = digest(
            from_tree(self.model.feature_network.graph)
        )
        for *steps, name in ADDED:
            holder = reduce(getitem, steps, tree)
            if holder[name] is None:
                del holder[name]
        backbone = tree["model"]["backbone"]
        del backbone["checkpoint"]
        source = self.model.backbone.source
        backbone["source"] = source.id if source else None
        return tree


BackboneSpec.model_rebuild(_types_namespace={"TrialSpec": TrialSpec})
ModelSpec.model_rebuild()
TrialSpec.model_rebuild()
