"""What a file that is taken home has beside ops, or in place of some of the harness's functions.

It is copied from here. `convolved` and `normed` give up the harness's speed on small maps, which
rests on torch's inside, for what works wherever the file is used: with hooks, with other norms.
"""

import torch
from torch import Tensor, nn

DROPPED = frozenset({"fixed"})
"""Methods of ops that serve the harness's own written code alone."""


def convolved(x: Tensor, conv: nn.Conv2d) -> Tensor:
    made: Tensor = conv(x)
    return made


def normed(x: Tensor, norm: nn.Module) -> Tensor:
    made: Tensor = norm(x)
    return made


class Node(nn.Module):
    """The modules of one node, or those that several nodes share."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


@torch.no_grad()
def reset(network: nn.Module) -> None:
    """Layers glorot-uniform with biases 0. Norms, and what starts in its own way, stay as made."""
    for layer in network.modules():
        if type(layer) in (nn.Conv2d, nn.ConvTranspose2d, nn.Linear):
            for name, values in layer.named_parameters(recurse=False):
                nn.init.xavier_uniform_(values) if name == "weight" else nn.init.zeros_(values)
