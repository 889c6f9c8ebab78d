"""Small spaces and a made-up landscape for searchers."""

import pytest

from harness.search import SEARCHERS, Setting, Told
from harness.search.space import SearchSpace
from harness.space.search_spec import Dimension

WIDTH, RATE, KIND, DEPTH = (
    "model.feature_network.width",
    "recipe.optimizer.learning_rate",
    "model.feature_network.fuse",
    "model.head.depth",
)

SPACES = {
    "six": {
        WIDTH: Dimension(low=16, high=32, step=8),
        KIND: Dimension(choices=("sum", {"weighted": "fast"})),
    },
    "large": {
        WIDTH: Dimension(low=16, high=64, step=8),
        RATE: Dimension(low=1e-3, high=1e-1, log=True),
    },
    "conditional": {
        DEPTH: Dimension(low=1, high=3, when={KIND: ("sum",)}),
        KIND: Dimension(choices=("sum", "max")),
        RATE: Dimension(low=1e-3, high=1e-1, log=True),
    },
}


class Graphs:
    """Stands for a space over graphs: two cells, the second reading one of three."""

    def draw(self, pick):
        first = pick("cells.0", ["p3", "p4"])
        return {"nodes": [first, pick("cells.1", ["p3", "p4", "first"])]}


def worth(values) -> float:
    """Best at the smallest width and rate."""
    width, rate = values.get(WIDTH, 16), values.get(RATE, 0.01)
    return 1 / (1 + width / 100 + rate * 5) + (0.01 if values.get(KIND) == "sum" else 0)


@pytest.fixture
def setting(tmp_path):
    def setting(space="six", *, topologies=None, **options):
        options = {"highest": (True,), "trials": 20, "journal": tmp_path / "s.journal"} | options
        return Setting(SearchSpace(SPACES[space], topologies), **options)

    return setting


@pytest.fixture
def graphs():
    return Graphs()


@pytest.fixture
def search():
    """Asks and tells `steps` times; what was proposed."""

    def search(kind, setting, steps, verdict=None):
        searcher = SEARCHERS.get(kind)(setting)
        asked = []
        try:
            for _ in range(steps):
                proposal = searcher.ask()
                if proposal is None:
                    break
                asked.append(proposal)
                values = proposal.choice.values
                told = Told("done", (worth(values), values.get(WIDTH, 16))[: len(setting.highest)])
                searcher.tell(proposal, verdict(proposal) if verdict else told)
        finally:
            searcher.close()
        return asked

    return search
