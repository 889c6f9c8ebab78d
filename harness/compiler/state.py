"""Whose each fusion weight is: kept beside a state dict, and held to when one is loaded.

A fuse has its inputs in canonical order, which a change anywhere above the node may change, while
names and shapes of its tensors stay as they are. So the names of the inputs, in that order, go into
the metadata that torch saves with a state dict.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence

import torch
from torch import Tensor, nn

from harness.compiler.parts import lettered
from harness.compiler.plan import Plan
from harness.graph.ops import FUSES
from harness.ops.fuse import Weighted

Record = Mapping[str, Sequence[str]]
"""By place of a fuse: the names of its inputs in its own order."""

KEY = "inputs"
"""Of the record in a state dict's metadata."""


def record_of(network: nn.Module, plan: Plan) -> dict[str, list[str]]:
    """Of all fuses that learn and do not tell their inputs apart by roles or by the file's order.

    Of a fuse that several nodes share, the inputs are those of the first.
    """
    found: dict[str, list[str]] = {}
    for step in plan.steps:
        spec = FUSES.get(step.fuse.name)
        any_order = len(step.terms) > 1 and spec.commutes and not spec.roles
        if any_order and step.fuse_at in plan.parts and _learns(network, step.fuse_at):
            sources = [term.source for term in step.terms]
            names = [lettered(s, sources[:i].count(s)) for i, s in enumerate(sources)]
            found.setdefault(step.fuse_at, names)
    return found


def _learns(network: nn.Module, place: str) -> bool:
    return bool(network.get_submodule(place).state_dict())


def note(destination: Mapping[str, Tensor], prefix: str, record: Record) -> None:
    """Put a record beside a state dict, where torch keeps what is no tensor."""
    metadata = getattr(destination, "_metadata", None)
    if metadata is not None and prefix[:-1] in metadata:
        metadata[prefix[:-1]][KEY] = {place: list(names) for place, names in record.items()}


def noted(state: Mapping[str, Tensor], prefix: str) -> Record:
    """The record of a network under a prefix; empty where a state dict has none."""
    metadata = getattr(state, "_metadata", None) or {}
    found: Record = metadata.get(prefix[:-1], {}).get(KEY, {})
    return found


def strangers(network: nn.Module, own: Record, theirs: Record) -> Iterator[tuple[str, str]]:
    """Places of fuses whose weights cannot be brought into order, each with the reason.

    Nothing is said where the numbers of inputs differ: there the shapes do too.
    """
    for place, names in own.items():
        given = theirs.get(place, names)
        weighted = isinstance(network.get_submodule(place), Weighted)
        if len(given) == len(names) and list(given) != list(names):
            if sorted(given) != sorted(names):
                yield place, f"of inputs {', '.join(given)}, not {', '.join(names)}"
            elif not weighted:
                yield place, f"of inputs in the order {', '.join(given)}, not {', '.join(names)}"


def put_in_order(
    state: MutableMapping[str, Tensor], prefix: str, own: Record, theirs: Record
) -> None:
    """Weights of each input to its place, where the inputs are the same and their order is not."""
    for place, names in own.items():
        given, name = list(theirs.get(place, names)), f"{prefix}{place}.weights"
        if given != list(names) and sorted(given) == sorted(names) and name in state:
            places = torch.tensor([given.index(one) for one in names], device=state[name].device)
            state[name] = state[name].index_select(0, places)
