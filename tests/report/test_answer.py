"""The answer claims what its seeds carry, and no more."""

from typing import Any

import pandas as pd

from harness.report import table
from harness.report.answer import answer
from harness.report.asked import asked, tune
from harness.report.summary import ArmSummary, summarise
from harness.statistics.estimates import estimate


def arm(label: str, macs: float, *seeds: float, alias: str | None = None) -> ArmSummary:
    return ArmSummary(
        label, label, {}, len(seeds), estimate(seeds), seeds, {}, {"macs": macs}, alias, {}, None,
        True, False,
    )  # fmt: skip


def test_answer_claims_nothing_two_seeds_cannot_carry(make: Any, keep: Any) -> None:
    study, records = make.fusion(2)
    cells = table(keep(study, records), "fusion", "laptop")
    tuning = tune(study, cells, asked(study).tuned)
    said = answer(summarise(cells, "mean", tuning))
    assert said.startswith("No arm is separated from mean")
    assert "(2 seeds an arm cannot rank them; no fewer than 5 could)" in said


def test_answer_names_what_six_seeds_separate(make: Any, keep: Any) -> None:
    study, records = make.fusion(6)
    cells = table(keep(study, records), "fusion", "laptop")
    tuning = tune(study, cells, asked(study).tuned)
    arms = summarise(cells, "mean", tuning)
    assert [a.label for a in arms] == [
        f"{n}, learning_rate 0.1" for n in ("mean", "fast", "softmax")
    ]
    words = (
        "tuned: best of 2 values of learning_rate, chosen on the data it is shown on (optimistic)"
    )
    assert all(a.tuned == words for a in arms)
    said = answer(arms)
    assert "fast, learning_rate 0.1 is higher by" in said
    assert "not separated: softmax, learning_rate 0.1 (needs " in said
    assert said.startswith("Use fast, learning_rate 0.1: its mean AP, 0.")


def test_answer_says_which_arms_may_be_the_best_the_cheapest_first() -> None:
    noise = [0.001 * seed for seed in range(6)]
    held = {"base": (3e9, 0.3), "wide": (2e9, 0.4), "lean": (1e9, 0.399)}
    cells = pd.DataFrame(
        {"arm": name, "label": name, "seed": seed, "status": "done", "id": f"{name}{seed}",
         "ap": ap + noise[seed], "macs": macs, "alias_of": None}
        for name, (macs, ap) in held.items() for seed in range(6)
    )  # fmt: skip
    said = answer(summarise(cells, "base"))
    assert said.startswith(
        "Use lean or wide (by rising cost): none is separated from the highest mean AP, wide's 0.40"
    )
    assert "(n=6); to part lean from it takes about 68 seeds. Against base, " in said
    assert ". Against base, wide is higher by 0.100 AP (95% interval " in said
    uncosted = answer(summarise(cells.drop(columns="macs"), "base"))
    assert uncosted.startswith("Use wide or lean (by falling mean AP): none is separated from ")
    many = {f"arm {i}": (1e9, 0.4 + 0.05 * i) for i in range(6)}
    cells = pd.DataFrame(
        {"arm": name, "label": name, "seed": seed, "status": "done", "id": f"{name}{seed}",
         "ap": ap + noise[seed], "macs": macs, "alias_of": None}
        for name, (macs, ap) in many.items() for seed in range(6)
    )  # fmt: skip
    said = answer(summarise(cells, "arm 0"))
    assert said.index("arm 5 is higher") < said.index("arm 4 is higher")
    assert said.endswith("; 3 more are separated from it.")


def test_nothing_done_is_no_answer() -> None:
    assert "no answer yet" in answer([arm("a", 1e9)])
