"""How far a search is, from its history alone."""

from collections.abc import Sequence

from harness.search import Asked, Told
from harness.search.space import all_points
from harness.searching.setting import search_of, space_of
from harness.space.study import Study

BARREN = 1000
"""Proposals in a row without a new network before a search gives up."""
MOST_POINTS = 1000
"""A space with no more has its end known beforehand."""


def is_counted(told: Told) -> bool:
    """Whether a proposal is one of the search's networks: trained, now or before, or failed."""
    return told.note.get("status") not in ("rejected", "alias")


def is_over(study: Study, history: Sequence[Asked]) -> bool:
    """Whether nothing more is proposed and all that was is told."""
    if any(one.told is None for one in history):
        return False
    counted = [one for one in history if one.told and is_counted(one.told)]
    if len(counted) >= search_of(study).trials:
        return True
    newest = counted[-1].proposal.number if counted else -1
    if history and history[-1].proposal.number - newest >= BARREN:
        return True
    points = all_points(space_of(study), MOST_POINTS)
    return points is not None and len(history) >= len(points)
