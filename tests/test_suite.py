"""That the suite runs as it is meant to."""

import os

import pytest


@pytest.mark.xdist_group("together")
def test_groups_stay_together(request):
    """pytest-xdist marks the members of a group by their names; with pytest 9.2 it does not, and
    tests that start a Ray run beside each other."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        assert request.node.nodeid.endswith("@together")
