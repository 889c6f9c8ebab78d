"""What a fuse is told of its inputs."""

from dataclasses import dataclass, field

from harness.graph.spec import Norm


@dataclass(frozen=True, slots=True)
class Inputs:
    """The role of each input (if any), the channels of all, and the constants of norms.

    Of a fuse whose inputs may differ in channels (`concat`), `channels` says nothing.
    """

    roles: tuple[str | None, ...]
    channels: int
    constants: Norm = field(default_factory=Norm)

    def __len__(self) -> int:
        return len(self.roles)
