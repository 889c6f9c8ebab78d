"""What all spaces of topologies have in common: picks go in, a tree comes out."""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from harness.space.names import tree_hash
from harness.space.streams import stream_seed

Tree = dict[str, Any]


class Pick(Protocol):
    """Picks one of some words. A sampler stands behind it (`suggest_categorical` of an Optuna
    trial), or a random stream.

    A name has the same options wherever it comes, in whatever draw: samplers learn by it.
    """

    def __call__(self, name: str, options: Sequence[str], /) -> str: ...


class AbstractTopologySpace(ABC):
    """A set of topologies. What is drawn depends on the picks and on nothing else."""

    @property
    @abstractmethod
    def levels(self) -> tuple[int, int]:
        """Finest and coarsest level of the outputs of all its topologies."""

    @abstractmethod
    def draw(self, pick: Pick) -> Tree:
        """A topology as a file would hold it, with a name that tells it from the others."""


def random_pick(seed: int) -> Pick:
    """Each option as likely as any other; the same seed picks the same."""
    stream = random.Random(stream_seed("topology", seed))
    return lambda _name, options: options[stream.randrange(len(options))]


def named(stem: str, tree: Tree) -> Tree:
    """The tree under a name made from what it says: `nas_fpn_3f2a1c`."""
    return {"name": f"{stem}_{tree_hash(tree)}", **tree}
