"""The order of arms under two profiles of one study, and what is said of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.ledger import Ledger
from harness.report.proxy import proxy_info
from harness.studies import Cell, StudyResults, write_study

ARMS = ("a", "b", "c", "d", "e")


@pytest.fixture
def results(tmp_path: Path, make: Any) -> Any:
    """Writes profiles whose arms have the given APs, by six seeds, and returns the folder."""

    def write(noise: float = 0.001, **profiles: tuple[str, list[float]]) -> Path:
        for profile, (frozen, aps) in profiles.items():
            cells, ledger = [], Ledger(tmp_path)
            for arm, ap in zip(ARMS, aps, strict=False):
                for seed in range(6):
                    trial = f"{profile}{arm}{seed}"
                    value = ap + noise * ((seed * 7 + ord(arm)) % 5 - 2)
                    ledger.write(make.record(trial, seed, value, frozen=frozen))
                    cells.append(Cell(arm, {}, seed, trial, "done"))
            write_study(tmp_path, StudyResults("s", profile, "?", tuple(cells), arms=ARMS))
        return tmp_path

    return write


def test_one_profile_alone_has_nothing_to_compare(results: Any) -> None:
    folder = results(laptop=("all", [0.1, 0.2, 0.3, 0.4, 0.5]))
    assert proxy_info(folder, "s", "laptop") is None


def test_profiles_say_what_they_read_and_agree(results: Any) -> None:
    rising = [0.1, 0.2, 0.3, 0.4, 0.5]
    folder = results(laptop=("all", rising), scratch=("none", rising))
    info = proxy_info(folder, "s", "laptop")
    assert info is not None
    assert info.reading == "shared frozen backbone"
    (row,) = info.rows
    assert (row.other.reading, row.arms, row.own.seeds) == ("from scratch", ARMS, "6")
    assert row.words == (
        "Order of 5 arms under laptop (shared frozen backbone) and scratch (from scratch): "
        "Kendall's tau-b 1.00 [1.00, 1.00], Spearman's rho 1.00 [1.00, 1.00]. "
        "The two orders agree better than by chance."
    )


def test_orders_can_be_turned_round(results: Any) -> None:
    rising = [0.1, 0.2, 0.3, 0.4, 0.5]
    folder = results(laptop=("all", rising), scratch=("none", rising[::-1]))
    info = proxy_info(folder, "s", "laptop")
    assert info is not None
    assert info.rows[0].words.endswith("The two orders are turned round.")


def test_noise_that_hides_every_order_is_named(results: Any) -> None:
    level = [0.3, 0.3002, 0.3001, 0.3004, 0.3003]
    folder = results(noise=0.02, laptop=("all", level), scratch=("none", level))
    info = proxy_info(folder, "s", "laptop")
    assert info is not None
    words = info.rows[0].words
    assert "The seeds at hand do not say whether the two orders agree." in words
    assert "Noise of the seeds alone keeps tau-b far below 1" in words


def test_three_arms_carry_no_interval(results: Any) -> None:
    folder = results(laptop=("all", [0.1, 0.2, 0.3]), scratch=("none", [0.1, 0.3, 0.2]))
    info = proxy_info(folder, "s", "scratch")
    assert info is not None
    assert info.rows[0].tau.low is None
    assert info.rows[0].words.endswith(
        "So few arms carry no interval: two or three agree by luck often."
    )


def test_a_trained_backbone_under_training_is_not_from_scratch(results: Any, make: Any) -> None:
    rising = [0.1, 0.2, 0.3, 0.4, 0.5]
    folder = results(laptop=("all", rising), scratch=("none", rising))
    one = make.record("more", 0, 0.3, frozen="none")
    one.spec["model"]["backbone"]["pretrained"] = True
    Ledger(folder).write(one)
    cells = (Cell("a", {}, 0, "more", "done"), Cell("b", {}, 0, "more", "done"))
    write_study(folder, StudyResults("s", "tuned", "?", cells, arms=ARMS))
    info = proxy_info(folder, "s", "tuned")
    assert info is not None
    assert info.reading == "from a trained backbone"
    assert replace(info.rows[0].own).ceiling is None
