"""`harness scaling`: the rules as worded, the table as published, and where they part."""

import json

from click.testing import CliRunner

from harness.cli import main
from harness.door.scaling import misses, scaling_document

PARTS = {
    2: ["W is 112, the rule gives 120"],
    4: ["W is 224, the rule gives 216"],
    5: ["D is 7, the rule gives 8", "input is 1280, the rule gives 1152"],
    6: ["D is 8, the rule gives 9"],
    7: [
        "W is 384, the rule gives 520",
        "D is 8, the rule gives 10",
        "input is 1536, the rule gives 1408",
        "backbone is tf_efficientnet_b6, the rule gives tf_efficientnet_b7",
    ],
}


def test_where_rule_and_table_part():
    rows = scaling_document()["rows"]
    assert [row["coefficient"] for row in rows] == list(range(8))
    assert {row["coefficient"]: row["parts"] for row in rows if row["parts"]} == PARTS
    exact = [row["sizes"]["width"]["exact"] for row in rows]
    assert exact == [64.0, 86.4, 116.6, 157.5, 212.6, 287.0, 387.4, 523.0]
    rounded = [row["sizes"]["width"]["rule"] for row in rows]
    assert rounded == [64, 88, 120, 160, 216, 288, 384, 520]


def test_no_multiple_gives_the_published_widths():
    document = scaling_document()
    assert document["multiples"] == {
        "8": {"efficientdet_d2": 120, "efficientdet_d4": 216},
        "16": {"efficientdet_d1": 80, "efficientdet_d4": 208},
        "32": {"efficientdet_d1": 96, "efficientdet_d2": 128},
    }
    assert all(misses(multiple) for multiple in range(1, 129))
    assert "give the widths of D0 to D6: no multiple does." in document["notes"][0]


def test_the_command_says_it_in_words():
    runner = CliRunner()
    said = runner.invoke(main, ["scaling"]).output
    for words in ("120 / 112", "W is 112, the rule gives 120", "B7 / B6", "523.0"):
        assert words in said
    assert "rounded to a multiple of 8, W misses D2 (120), D4 (216)" in said
    assert "arXiv v1 worded D as 2 + phi." in said
    assert json.loads(runner.invoke(main, ["scaling", "--json"]).output) == scaling_document()


def test_cost_quotes_every_source_with_its_note(monkeypatch):
    """As printed, digits and all; nothing is built here."""
    fvcore = {"total": 1, "uncounted": {}}
    monkeypatch.setattr("harness.door.conventions._traced", lambda model: dict(fvcore))
    runner = CliRunner()
    said = runner.invoke(main, ["cost", "efficientdet_d1"]).output
    assert [words in said for words in ("6.6M", "6.1B", "6.10B")] == [True] * 3
    said = runner.invoke(main, ["cost", "efficientdet_d5"]).output
    line = next(line for line in said.splitlines() if "130B FLOPs" in line)
    assert line.startswith("published: 33.7M params, 130B FLOPs, counted as tf_profiler_2020_05 (")
    assert line.partition("): ")[2].startswith("130B is a slip: that release's code counts 135.4B")
    document = json.loads(runner.invoke(main, ["cost", "efficientdet_d5", "--json"]).output)
    paper, readme = document["published"]
    assert (paper["macs"], readme["macs"]) == (135e9, 130e9)
    assert "note" not in paper
    assert readme["note"].startswith("130B is a slip")
