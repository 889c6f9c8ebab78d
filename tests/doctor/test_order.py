"""The order of arms on a frozen backbone beside that from scratch, where results hold both."""

from types import SimpleNamespace

import pytest

from harness.doctor import order as ordering
from harness.doctor.order import order

from .conftest import wobble


def row(low, high, words="so it is"):
    tau, rho = SimpleNamespace(value=0.5, low=low, high=high), SimpleNamespace(value=0.6)
    return SimpleNamespace(tau=tau, rho=rho, words=words)


@pytest.mark.parametrize(
    ("rows", "verdict", "said"),
    [
        ([("a", row(0.1, 0.9))], "holds", "a: so it is"),
        ([("a", row(-0.9, -0.1)), ("b", row(0.1, 0.9))], "does not hold", "a: so it is b: so it"),
        ([("a", row(-0.2, 0.9))], "not run", "what is at hand does not say. a: so it is"),
        ([("a", row(None, None))], "not run", "what is at hand does not say. a: so it is"),
    ],
)
def test_what_is_made_of_rank_correlations(setting, monkeypatch, rows, verdict, said):
    monkeypatch.setattr(ordering, "_rows", lambda results: iter(rows))
    found = order(setting)
    assert found.verdict == verdict
    assert found.said.startswith(said)
    assert found.figures["a"] == {"tau": 0.5, "rho": 0.6}


def test_without_both_profiles_there_is_nothing_to_compare(setting, keep, monkeypatch):
    monkeypatch.setattr(ordering, "_rows", lambda results: iter(()))
    said = f"no study in {setting.results} has results of laptop and of scratch"
    assert order(setting).said == said


def test_studies_are_looked_for_among_the_shipped_ones_too(setting, keep):
    keep("mine", {"one": wobble(0.4, 0.4)})
    shipped = setting.results / "shipped" / "control" / "studies" / "control"
    shipped.mkdir(parents=True)
    assert list(ordering._studies(setting.results)) == [
        (setting.results, "mine"),
        (setting.results / "shipped" / "control", "control"),
    ]
