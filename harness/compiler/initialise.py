"""First values of a feature network, each drawn from a stream of its own.

A stream is named by the seed, the digest of the node and the role of the parameter in it, so a
file that is renamed, reordered or spelt in another way starts with the same bits. A node's digest
is of all that it reads and all that reads it: another node in the graph leaves the others' names as
they were, and gives those it is joined to other first values. The global random state is neither
read nor moved.
"""

import torch
from torch import nn

from harness.space.streams import stream_seed

_LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


@torch.no_grad()
def initialise(module: nn.Module, *keys: object) -> None:
    """Layers glorot-uniform with biases 0, norms 1 and 0 (EfficientDet, section 3.6).

    Other modules that have parameters of their own, also layers that are a class of their own
    (one that starts at zero, say), reset themselves.
    """
    for name, child in module.named_modules():
        if type(child) in _LAYERS:
            _glorot(child.weight, stream_seed("feature_network", *keys, f"{name}.weight"))
            if child.bias is not None:
                child.bias.zero_()
        elif isinstance(child, nn.BatchNorm2d):
            child.reset_parameters()
        elif hasattr(child, "reset_parameters"):
            with torch.random.fork_rng(devices=()):
                torch.default_generator.manual_seed(stream_seed("feature_network", *keys, name))
                child.reset_parameters()


def _glorot(weight: torch.Tensor, seed: int) -> None:
    generator = torch.Generator("cpu").manual_seed(seed)
    drawn = torch.empty(weight.shape, dtype=weight.dtype, device="cpu")
    weight.copy_(nn.init.xavier_uniform_(drawn, generator=generator))
