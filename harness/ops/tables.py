"""The three tables of modules. Names are those of `harness.graph.ops`; a module enters itself."""

from collections.abc import Callable
from typing import Any

from torch import nn

from harness.registry import Table

BLOCKS: Table[Callable[..., nn.Module]] = Table("block")
"""(channels in, channels out, constants of norms, **arguments) -> module of one map."""

FUSES: Table[Callable[..., nn.Module]] = Table("fuse")
"""(inputs, **arguments) -> module of as many maps."""

RESAMPLES: Table[Callable[..., Any]] = Table("resample")
"""A function (map (N, C, h, w), size, **arguments) -> map (N, C, *size), or, where it has
parameters, a class: (channels in, channels out, constants of norms, stride, **arguments) -> module
of a map and a size."""
