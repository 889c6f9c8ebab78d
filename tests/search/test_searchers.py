"""Every searcher: legal points, each once, to the end, the same again, whatever dies."""

import json

import pytest
from search.conftest import DEPTH, KIND, RATE, SPACES, WIDTH, worth

from harness.errors import LedgerError
from harness.search import SEARCHERS, Told
from harness.search.space import RandomPick, SearchSpace, all_points, key_of
from harness.space.search_faults import TOPOLOGY, may_be
from harness.space.search_spec import KINDS, Dimension


def points(asked):
    return [dict(proposal.choice.values) for proposal in asked]


@pytest.fixture(params=SEARCHERS.names())
def kind(request):
    return request.param


def test_code_and_facts_have_the_same_names():
    assert set(SEARCHERS.names()) == set(KINDS)


def test_a_small_space_ends_with_each_point_once(kind, setting, search):
    asked = search(kind, setting("six"), 20)
    assert len(asked) == len({key_of(values) for values in points(asked)}) == 6
    assert [proposal.number for proposal in asked] == list(range(6))
    assert asked[3].choice.arm == "proposal 3"


def test_points_are_legal_and_conditions_hold(kind, setting, search):
    asked = points(search(kind, setting("conditional"), 25))
    assert len(asked) == 25
    for values in asked:
        assert (DEPTH in values) == (values[KIND] == "sum")
        for path, value in values.items():
            assert may_be(SPACES["conditional"][path], value), (path, value)
    assert {values.get(DEPTH) for values in asked} == {1, 2, 3, None}


def test_the_same_seed_gives_the_same_sequence_and_another_another(kind, setting, search):
    first = search(kind, setting("large", journal=None), 25)
    assert points(search(kind, setting("large", journal=None), 25)) == points(first)
    assert points(search(kind, setting("large", journal=None, seed=1), 25)) != points(first)


def test_neighbouring_proposals_are_not_alike(kind, setting, search):
    rates = [values[RATE] for values in points(search(kind, setting("large"), 12))]
    assert len(set(rates)) >= (5 if KINDS[kind].has_population else 12)  # children inherit


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("stop", [1, 5, 11, 18])
def test_a_killed_search_goes_on_as_if_it_had_not_been(kind, setting, search, stop, told):
    undisturbed = search(kind, setting("large", journal=None), 22)
    before = search(kind, setting("large"), stop)
    searcher = SEARCHERS.get(kind)(setting("large"))
    open_one = searcher.ask() if not told else None
    searcher.close()
    after = search(kind, setting("large"), 22 - stop)
    if open_one is not None:
        assert after[0] == open_one  # asked and never told: handed out again
    assert points(before + after) == points(undisturbed)
    assert [one.number for one in before + after] == list(range(22))


def test_several_at_once_are_all_handed_out_again(kind, setting):
    searcher = SEARCHERS.get(kind)(setting("large"))
    asked = [searcher.ask() for _ in range(4)]
    searcher.tell(asked[1], Told("done", (0.5,)))
    searcher.close()
    again = SEARCHERS.get(kind)(setting("large"))
    assert [again.ask() for _ in range(3)] == [asked[0], asked[2], asked[3]]
    fresh = again.ask()
    assert fresh.number == 4
    assert [one.told and one.told.values for one in again.history()] == [
        None, (0.5,), None, None, None,
    ]  # fmt: skip


def test_failures_of_every_kind_are_survived(kind, setting, search):
    def verdict(proposal):
        return [
            Told("failed"),
            Told("done", (float("nan"),)),
            Told("rejected", violations=(0.5,)),
            Told("rejected"),
            Told("stopped", (0.1,), epoch=2),
            Told("done", (0.4,), violations=(-0.5,)),
        ][proposal.number % 6]

    asked = search(kind, setting("large"), 24, verdict)
    assert len({key_of(values) for values in points(asked)}) == 24
    states = [one.told.state for one in SEARCHERS.get(kind)(setting("large")).history()]
    assert states[:6] == ["failed", "failed", "rejected", "rejected", "stopped", "done"]


@pytest.mark.parametrize("torn", [1, 7, 40, 200, 500])
def test_a_torn_journal_goes_back_to_the_last_whole_step(kind, setting, search, torn, tmp_path):
    undisturbed = search(kind, setting("large", journal=None), 12)
    search(kind, setting("large"), 9)
    journal = tmp_path / "s.journal"
    journal.write_bytes(journal.read_bytes()[:-torn])
    searcher = SEARCHERS.get(kind)(setting("large"))
    kept = len([one for one in searcher.history() if one.told])
    searcher.close()
    assert kept in (7, 8)
    after = search(kind, setting("large"), 12 - kept)
    assert points(after) == points(undisturbed)[kept:]


def test_damage_in_the_middle_is_said(setting, search, tmp_path):
    search("random", setting("large"), 5)
    journal = tmp_path / "s.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:6], b"{]\n", *lines[7:]]))
    with pytest.raises(LedgerError, match=r"s.journal: line 7 is damaged; move it away"):
        SEARCHERS.get("random")(setting("large"))


def test_optuna_reads_the_journal_itself(setting, search, tmp_path):
    import optuna
    from optuna.storages.journal import JournalFileBackend

    search("tpe", setting("six"), 4)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(tmp_path / "s.journal")))
    study = optuna.load_study(study_name="tpe search", storage=storage)
    complete = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    assert len(complete) == 4
    assert study.best_value == pytest.approx(max(trial.value for trial in complete))


def test_one_writer_at_a_time_and_any_number_of_readers(setting):
    first = SEARCHERS.get("random")(setting("six"))
    first.ask()
    with pytest.raises(LedgerError, match="another run of this search is at work"):
        SEARCHERS.get("random")(setting("six"))
    reader = SEARCHERS.get("random")(setting("six", is_reader=True))
    assert len(reader.history()) == 1
    first.close()
    SEARCHERS.get("random")(setting("six")).close()


def test_a_reader_changes_nothing(setting, search, tmp_path):
    search("tpe", setting("large"), 3)
    before = (tmp_path / "s.journal").read_bytes()
    reader = SEARCHERS.get("tpe")(setting("large", is_reader=True))
    reader.ask()
    assert (tmp_path / "s.journal").read_bytes() == before


def test_a_search_of_another_key_starts_anew_in_the_same_journal(setting, search):
    first = search("tpe", setting("large"), 4)
    assert search("tpe", setting("large", key="other"), 4) == first
    assert [one.number for one in search("tpe", setting("large"), 2)] == [4, 5]


def test_a_full_disk_leaves_the_journal_whole(setting, search, tmp_path, monkeypatch):
    import os

    search("random", setting("large"), 3)
    before = (tmp_path / "s.journal").read_bytes()
    searcher = SEARCHERS.get("random")(setting("large"))
    with monkeypatch.context() as patched:

        def full(_):
            raise OSError(28, "No space left on device")

        patched.setattr(os, "fsync", full)
        with pytest.raises(LedgerError, match="No space left on device"):
            searcher.ask()
    searcher.close()
    assert (tmp_path / "s.journal").read_bytes() == before


def test_telling_again_replaces_what_was_told(kind, setting):
    searcher = SEARCHERS.get(kind)(setting("large"))
    one = searcher.ask()
    searcher.tell(one, Told("failed"))
    searcher.tell(one, Told("done", (0.7,), violations=(-1.0,)))
    searcher.close()
    again = SEARCHERS.get(kind)(setting("large"))
    assert [(asked.proposal, asked.told.values) for asked in again.history()] == [(one, (0.7,))]
    assert again.ask().number == 1


def test_tpe_finds_better_points_than_random_ones(setting, search):
    def best(kind, seed):
        asked = search(kind, setting("large", journal=None, seed=seed, trials=40), 40)
        return max(worth(values) for values in points(asked)[10:])

    wins = sum(best("tpe", seed) > best("random", seed) for seed in range(5))
    assert wins >= 4


def test_nsga_breeds_from_the_front(setting, search):
    asked = search("nsga2", setting("large", highest=(True, False), trials=40), 40)
    widths = [values[WIDTH] for values in points(asked)]
    assert sum(widths[20:]) < sum(widths[:20])  # narrower is better and cheaper here


def test_samplers_learn_a_limit_from_what_was_rejected(setting, search):
    def verdict(proposal):
        width = proposal.choice.values[WIDTH]
        over = width / 24 - 1
        if over > 0:
            return Told("rejected", violations=(over,))
        return Told("done", (worth(proposal.choice.values),), violations=(over,))

    def share(kind):
        asked = points(search(kind, setting("large", journal=None, trials=40), 60, verdict))[20:]
        return sum(values[WIDTH] <= 24 for values in asked) / len(asked)

    assert share("tpe") > 0.6 > 0.45 > share("random")
    assert share("nsga2") > 0.45


def test_graphs_are_drawn_beside_the_dimensions(kind, setting, search, graphs):
    asked = points(search(kind, setting("six", topologies=graphs), 40))
    assert len(asked) == 36
    assert {tuple(values[TOPOLOGY]["nodes"]) for values in asked} >= {("p3", "first")}


def test_all_points_of_a_space_by_walking_it():
    assert len(all_points(SearchSpace(SPACES["six"]), 10)) == 6
    assert all_points(SearchSpace(SPACES["six"]), 5) is None
    assert all_points(SearchSpace(SPACES["large"]), 10**6) is None
    stepped = {WIDTH: Dimension(low=0.1, high=0.3, step=0.1)}
    values = [picks[WIDTH] for picks in all_points(SearchSpace(stepped), 10).values()]
    assert values == pytest.approx([0.1, 0.2, 0.3])
    assert max(values) <= 0.3


def test_random_picks_are_named_streams():
    space = SearchSpace(SPACES["large"])
    assert space.draw(RandomPick(0, "a")) == space.draw(RandomPick(0, "a"))
    assert space.draw(RandomPick(0, "a")) != space.draw(RandomPick(0, "b"))
    assert json.dumps(space.draw(RandomPick(0, "a")))
    whole = SearchSpace({WIDTH: Dimension(low=1, high=1000, log=True)})
    drawn = sorted(whole.draw(RandomPick(0, n))[WIDTH] for n in range(300))
    assert 15 < drawn[150] < 65  # the middle of the logarithm
    assert all(isinstance(value, int) for value in drawn)
