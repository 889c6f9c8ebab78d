"""What a search over graphs found is a topology file: the network that was trained."""

import io

import pytest
from rich.console import Console
from searching.conftest import LARGE

from harness.door.printing import say_outcome
from harness.graph import digest, expand, from_tree
from harness.ledger import Ledger
from harness.report import write_report
from harness.run import Orders, run_study
from harness.search.words import search_words
from harness.searching import found_path
from harness.space.workplace import Workplace
from harness.space.zoo import load_topology, topology_names
from harness.studies import read_study
from harness.trainers import Named

CELLS = "search.topology={merging_cells: {cells: 6, fuses: [sum, gate], conventions: efficientdet}}"
SAME = "search.topology={mutations: {of: bifpn}}"
WIDTH = "{model.feature_network.width: {choices: [16, 24]}}"


@pytest.fixture
def run(tmp_path, facts, fake_trial):
    def run(study, **orders):
        where = Workplace(tmp_path / "results")
        return run_study(study, Orders(where, **orders), work=Named(fake_trial), facts=facts)

    return run


@pytest.mark.parametrize(
    "sets",
    [
        [],
        ["model.feature_network.repeats=3"],
        ["model.feature_network.align=true", "model.feature_network.projection=auto"],
        ["model.feature_network.fuse=mean"],
    ],
    ids=["as drawn", "repeated", "aligned", "another fuse"],
)
def test_the_file_is_the_network_that_was_trained(run, study, tmp_path, sets):
    outcome = run(study(WIDTH, trials=3, sets=[CELLS, *sets]))
    told = outcome.results.search["found"]
    file = found_path(tmp_path / "results", "searched", "default")
    assert file == tmp_path / "results/studies/searched/default/found.yaml"
    spec = Ledger(tmp_path / "results").get(told["trial"]).spec
    trained = from_tree(spec["model"]["feature_network"]["graph"])
    topology = load_topology(file)
    assert digest(expand(topology)) == digest(trained) == told["digest"]
    assert topology.name == told["name"] not in topology_names()
    assert told["known_as"] is None
    assert file.read_text() == told["text"]


def test_it_says_where_it_comes_from(run, study, tmp_path):
    outcome = run(study(WIDTH, trials=3, sets=[CELLS]))
    told = outcome.results.search["found"]
    cell = next(one for one in outcome.results.cells if one.arm == f"proposal {told['proposal']}")
    assert cell.id == told["trial"]
    assert told["text"].startswith(
        "# Found by the study 'searched', profile 'default' (random, seed 0):\n"
        f"# proposal {told['proposal']} of 3, the best of 3 networks that were trained"
    )
    assert "# No topology file of the zoo is this network.\n" in told["text"]


def test_a_network_of_the_zoo_is_called_by_its_name(run, study, monkeypatch):
    monkeypatch.setattr("harness.searching.kept.known_as", lambda graph, beside: "bifpn")
    search = run(study(WIDTH, trials=1, sets=[CELLS])).results.search
    assert "# This is 'bifpn'.\n" in search["found"]["text"]
    assert search_words(search)[-1].endswith(", which is 'bifpn' under another name")


def test_nothing_is_kept_before_the_end_or_of_numbers_alone(run, study, tmp_path):
    file = found_path(tmp_path / "results", "searched", "default")
    assert "found" not in run(study(WIDTH, trials=3, sets=[CELLS]), limit=2).results.search
    assert not file.exists()
    run(study(WIDTH, trials=3, sets=[CELLS]))
    assert file.exists()
    assert "found" not in run(study(LARGE, trials=3)).results.search
    assert not file.exists()  # it was another search's


def test_the_end_of_a_run_names_it(run, study, tmp_path):
    results = tmp_path / "results"
    outcome = run(study(WIDTH, trials=3, sets=[CELLS]))
    written = write_report(results, "searched", "default", tmp_path / "reports")
    console = Console(record=True, width=200, file=io.StringIO())
    say_outcome(outcome, results, written, console)
    said = console.export_text()
    told = outcome.results.search["found"]
    assert f"{told['name']}, a network no zoo file holds" in said
    assert str(tmp_path / "reports/searched/default/found.yaml") in said
    assert read_study(results, "searched", "default").search["found"] == told
