"""Fusion weights that hardly moved are no test of them."""

from dataclasses import replace
from typing import Any

import pytest

from harness.report.fusion import MOVED, fusion_arms, movement


def test_movement_and_its_threshold(make: Any) -> None:
    assert movement({"n": [0.5, 0.5]}, {"n": [0.6, 0.4]}) == pytest.approx(0.1)
    _, records = make.fusion(2)
    trials: dict[str, list[Any]] = {}
    for record in records:
        trials.setdefault(record.id[:4], []).append(record)
    verdicts = {one.label: one.verdict for one in fusion_arms(trials)}
    assert verdicts["fast"] == "moved"
    assert verdicts["soft"] == f"not tested (moved less than {MOVED})"
    assert verdicts["mean"] == "frozen on purpose (control)"


def test_what_was_stopped_had_no_time_to_move_its_weights(make: Any) -> None:
    _, records = make.fusion(2)
    [first, *_] = fusion_arms({"both": [records[0], replace(records[1], status="stopped")]})
    assert first.moved.n == 1
    assert fusion_arms({"one": [replace(records[0], status="stopped")]}) == ()
