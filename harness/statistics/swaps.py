"""A permutation test of two networks on the same images: what each found is exchanged at random.

Were the two networks alike, it would be no matter whose detections stand for an image. So they
are exchanged, image by image, with even odds, and AP of either side is taken anew: p is how often
the sides then differ by as much as they did. It says of these two networks that images like these
tell them apart, and nothing of how they were trained. What is tested is that they are exchangeable,
scores and all, not that their APs are equal: networks whose scores have other scales mix badly, so
the interval over test images is asked, too. (Noreen, Computer-Intensive Methods for
Testing Hypotheses, 1989; as for AP of retrieval in Smucker, Allan and Carterette, CIKM 2007.)
"""

import numpy as np

from harness.matches import Matches
from harness.statistics.estimates import ROUNDING
from harness.statistics.images import ap_alone

SWAPS = 1000


def swap_floor(swaps: int = SWAPS) -> float:
    """Smallest p of so many random exchanges: the observed one counts as one of them."""
    return 1 / (swaps + 1)


def can_exchange(a: Matches, b: Matches) -> bool:
    """Whether both are of the same images and categories."""
    return a.categories == b.categories and np.array_equal(a.images, b.images)


def swap_p(a: Matches, b: Matches, *, swaps: int = SWAPS, seed: int = 0) -> float:
    """Two-sided p of AP of `a` minus AP of `b` under exchange of images.

    One is added above and below for the observed arrangement (Phipson and Smyth 2010). A
    ValueError where the two are not of the same images and categories.
    """
    both = side_by_side(a, b)
    taken = np.random.default_rng([seed, len(a.images)]).random((swaps + 1, len(a.images))) < 0.5
    taken[0] = False  # as it was observed
    far = np.abs(ap_alone(both, _weights(taken)) - ap_alone(both, _weights(~taken)))
    return float(((far[1:] >= far[0] - ROUNDING).sum() + 1) / (swaps + 1))


def side_by_side(a: Matches, b: Matches) -> Matches:
    """Both networks' matches on 2 I images: image k of `a` is number 2 k, that of `b` 2 k + 1.

    Rows stand in the order of the images, so that ties rank as in one file of either's results.
    """
    if not can_exchange(a, b):
        raise ValueError("matches of other images or categories: nothing to exchange")
    image = np.concatenate([2 * a.image, 2 * b.image + 1])
    order = np.argsort(image >> 1, kind="stable")
    rows = {
        name: np.concatenate([getattr(a, name), getattr(b, name)])[order]
        for name in ("category", "score", "hit", "ignored")
    }
    positives = np.stack([a.positives, b.positives], axis=1)
    return Matches(
        images=np.repeat(a.images, 2),
        categories=a.categories,
        needs=a.needs,
        image=image[order],
        positives=positives.reshape(-1, *a.positives.shape[1:]),
        **rows,
    )


def _weights(swapped: np.ndarray) -> np.ndarray:
    """(B, 2 I): 1 for the network whose detections stand for an image, 0 for the other."""
    return np.stack([~swapped, swapped], axis=2).reshape(len(swapped), -1).astype(np.int64)
