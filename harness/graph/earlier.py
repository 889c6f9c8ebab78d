"""What a stage can read of what came before it: rows and nodes of earlier stages, backbone maps."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Earlier:
    """Keys of nodes that are made already, by the names they had; one key a repeat, in order.

    families: rows, and `backbone`, by level. nodes: single nodes, and backbone maps (`c5`).
    levels: of every key. extra: levels that `extra` recipes made.
    """

    families: dict[str, dict[int, tuple[str, ...]]] = field(default_factory=dict)
    nodes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)
    extra: set[int] = field(default_factory=set)

    @classmethod
    def backbone(cls, levels: Iterable[int]) -> "Earlier":
        """The backbone's maps alone."""
        names = {level: f"c{level}" for level in levels}
        return cls(
            families={"backbone": {level: (name,) for level, name in names.items()}},
            nodes={name: (name,) for name in names.values()},
            levels={name: level for level, name in names.items()},
        )

    def add_node(self, name: str, level: int, keys: tuple[str, ...]) -> None:
        self.nodes[name] = keys
        self.levels.update((key, level) for key in keys)

    def add_row(self, name: str, family: dict[int, tuple[str, ...]]) -> None:
        self.families[name] = family
