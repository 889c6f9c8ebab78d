"""What is handed out of a plan that another driver may be working on as well."""

from dataclasses import replace

import pytest

from harness.claims import Onlooker, take
from harness.engines.base import failed
from harness.ledger import Ledger
from harness.plan import make_plan
from harness.space.profiles import load_study
from harness.space.workplace import Workplace
from harness.supplies import Missing, standing


@pytest.fixture
def where(tmp_path):
    return Workplace(tmp_path / "results")


@pytest.fixture
def ledger(where):
    return Ledger(where.results)


@pytest.fixture
def plan(small_study, ledger, facts):
    return make_plan(load_study(small_study), ledger, facts)


def finish(spec, where):
    record = failed(spec, where, "failed", "x")
    return Ledger(where.results).write(replace(record, status="done", reason=None))


def rest(supply):
    found = []
    while (spec := supply.next()) is not None:
        found.append(spec.id)
    return found


def test_what_another_driver_did_since_the_plan_is_passed_over(plan, where, ledger):
    trials = plan.pending()
    finish(trials[0], where)
    supply = Missing(trials, ledger, where, plan.sources)
    finish(trials[2], where)
    assert rest(supply) == [trials[i].id for i in (1, 3, 4, 5)]


def test_what_is_claimed_comes_last_and_may_end_between_two_looks(plan, where, ledger):
    trials = plan.pending()
    claim = take(ledger.folder(trials[0].id), Onlooker())
    supply = Missing(trials[:3], ledger, where)
    assert supply.next().id == trials[1].id
    assert [supply.next().id, supply.next().id] == [trials[2].id, trials[0].id]

    class Ending(Missing):
        """The other ends the trial just when its claim has been looked at."""

        def _is_claimed(self, spec):
            claimed = super()._is_claimed(spec)
            if spec.id == trials[0].id:
                finish(spec, where)
                claim.release()
            return claimed

    assert rest(Ending(trials[:1], ledger, where)) == []


def test_a_source_is_trained_again_only_where_its_weights_are_gone(plan, where, ledger):
    [source] = plan.sources.values()
    finish(source, where)
    assert rest(Missing([source], ledger, where, plan.sources)) == [source.id]
    for file in (where.checkpoint(source.id), where.backbone(source.id)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
        assert rest(Missing([source], ledger, where, plan.sources)) == []
        file.unlink()


def test_what_was_handed_out_may_have_been_done_since(plan, where, ledger):
    """A source stands as long as its backbone is there, for whoever wants that."""
    spec, [source] = plan.pending()[0], plan.sources.values()
    assert standing(spec, ledger, where) is None
    ledger.write(failed(spec, where, "failed", "x"))
    assert standing(spec, ledger, where) is None
    done, trained = finish(spec, where), finish(source, where)
    assert standing(spec, ledger, where) == done
    assert standing(source, ledger, where) == trained
    for_backbone = replace(where, for_backbone=True)
    assert standing(source, ledger, for_backbone) is None
    where.backbone(source.id).parent.mkdir(parents=True)
    where.backbone(source.id).write_bytes(b"")
    assert standing(source, ledger, for_backbone) == trained
