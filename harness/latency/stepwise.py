"""Weighted fusion step by step as EfficientDet's framework ran it, to be timed in eager torch.

Section 3.3 of the paper gives the formulas; which tensors they make is google/automl's graph.
Channels come last there, so inputs are looked at as (N, H, W, C) here: a view of channels_last.
Our own networks normalise the scalars first and add straight, which hides most of what table 6
of the paper measured.
"""

from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.compiler import FeatureNetwork
from harness.errors import TrialError
from harness.ops.fuse import Weighted


class StackedSoftmax(nn.Module):
    """`attn`: inputs stacked on a new last axis, times the softmax of their weights, and summed.

    inputs: (N, C, H, W) each. The stack, (N, H, W, C, k), and its product are whole tensors.
    """

    def __init__(self, own: Weighted) -> None:
        super().__init__()
        self.weights = own.weights

    def forward(self, *inputs: Tensor) -> Tensor:
        raw = self.weights.movedim(0, -1).to(inputs[0].dtype)
        stacked = torch.stack([x.movedim(1, -1) for x in inputs], -1)
        return (stacked * torch.softmax(raw, -1)).sum(-1).movedim(-1, 1)


class FastTerms(nn.Module):
    """`fastattn`: each input times its rectified weight, divided by the sum of all, and added up.

    inputs: (N, C, H, W) each. Product and quotient of every input are tensors of their own.
    """

    def __init__(self, own: Weighted) -> None:
        super().__init__()
        self.weights, self.eps = own.weights, own.eps

    def forward(self, *inputs: Tensor) -> Tensor:
        weights = [F.relu(raw.to(inputs[0].dtype)) for raw in self.weights.unbind()]
        divisor = reduce(torch.add, weights) + self.eps
        terms = [x.movedim(1, -1) * w / divisor for x, w in zip(inputs, weights, strict=True)]
        return reduce(torch.add, terms).movedim(-1, 1)


FORMS = {"softmax": StackedSoftmax, "fast": FastTerms}


def stepwise(network: FeatureNetwork) -> FeatureNetwork:
    """A copy that fuses as the paper's framework did; `TrialError` where that had no such fuse."""

    def form(own: Weighted) -> nn.Module:
        if own.per == "pixel" or own.norm not in FORMS:
            what = "per pixel" if own.per == "pixel" else f"with norm {own.norm}"
            raise TrialError(f"the paper's framework has no weighted fuse {what}")
        return FORMS[own.norm](own)

    return network.calling(form)
