"""The two controls, on results made here: what they say, word for word."""

import pytest

from harness.doctor.controls import found_control, no_difference

from .conftest import wobble

TRAINS = "; `harness doctor --controls` trains what is missing"


def test_nothing_at_hand(setting):
    for check, study in ((no_difference, "aa"), (found_control, "control")):
        found = check(setting)
        assert found.verdict == "not run"
        assert found.said == f"no results of the study {study!r} in {setting.results}{TRAINS}"


def test_one_network_under_two_names(setting, keep):
    keep("aa", {"one": wobble(0.4, 0.4), "same": wobble(0.4005, 0.4)})
    found = no_difference(setting)
    assert found.verdict == "holds"
    assert found.said.startswith("one network under two names: AP +0.000 [-0.00")
    assert "(n=6, p 0." in found.said
    assert found.said.endswith(
        f": not separated, over seeds alone; aa (laptop) in {setting.results}"
    )
    assert found.figures["n"] == [6, 6]


def test_a_difference_where_there_is_none_does_not_hold(setting, keep):
    keep("aa", {"one": wobble(0.4, 0.4), "same": wobble(0.42, 0.42)})
    found = no_difference(setting)
    assert found.verdict == "does not hold"
    assert ": higher, over seeds alone; aa (laptop)" in found.said


def test_so_few_seeds_that_nothing_can_be_told_are_no_control(setting, keep):
    keep("aa", {"one": wobble(0.4, 0.4, 2), "same": wobble(0.4, 0.4, 2)})
    keep("control", {arm: wobble(0.4, 0.4, 3) for arm in ("lateral", "fpn", "bifpn")})
    for check, n in ((no_difference, 2), (found_control, 3)):
        found = check(setting)
        assert found.verdict == "not run"
        assert found.said.endswith(f"{n} seeds an arm can part nothing, whatever there is")


def test_trials_that_are_missing(setting, keep):
    keep("aa", {"one": wobble(0.4, 0.4), "same": wobble(0.4, 0.4)}, lacking=2)
    assert no_difference(setting).said == (
        f"aa (laptop) in {setting.results}: 4 of 6 trials of 'same' are done{TRAINS}"
    )
    keep("aa", {"one": wobble(0.4, 0.4), "same": wobble(0.4, 0.4)}, profile="photos")
    assert no_difference(setting).figures["place"] == f"aa (photos) in {setting.results}"


def test_an_arm_that_is_not_there(setting, keep):
    keep("aa", {"one": wobble(0.4, 0.4), "other": wobble(0.4, 0.4)})
    assert f"aa (laptop) in {setting.results}: it has no arm 'same'" in no_difference(setting).said


@pytest.mark.parametrize(
    ("bifpn", "verdict"),
    [
        ((0.5, 0.5), "holds"),  # 0.2 where context is needed, nothing elsewhere
        ((0.5, 0.7), "does not hold"),  # found, but no larger there
        ((0.3, 0.5), "does not hold"),  # not found
        ((0.1, 0.1), "does not hold"),  # found with the other sign
    ],
)
def test_the_positive_control(setting, keep, bifpn, verdict):
    arms = {"lateral": wobble(0.3, 0.5), "fpn": wobble(0.2, 0.5), "bifpn": wobble(*bifpn)}
    keep("control", arms)
    found = found_control(setting)
    assert found.verdict == verdict
    assert found.figures["context"]["difference"] == pytest.approx(bifpn[0] - 0.3)
    more = bifpn[0] - 0.3 - (bifpn[1] - 0.5)
    assert found.figures["more"]["difference"] == pytest.approx(more, abs=1e-12)
    fpn = "FPN against lateral where context is needed -0.100 ["
    assert fpn in found.said, "FPN is reported, whatever it is"
    assert found.said.endswith(
        f". Intervals over seeds alone; control (laptop) in {setting.results}"
    )


def test_data_without_needs(setting, keep):
    keep("control", dict.fromkeys(("lateral", "fpn", "bifpn"), wobble(0.4, 0.4)), needs=False)
    found = found_control(setting)
    assert found.verdict == "not run"
    assert found.said.endswith("its data do not say what classes need")
