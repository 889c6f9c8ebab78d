"""An ablation from its file to plan, results and page, with trials that train nothing."""

import json
import re
from html import unescape

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.ledger import Ledger
from harness.matches import Evidence
from harness.plan import make_plan
from harness.report.ablation import ablation_table
from harness.report.ablation_picture import draw_ablation, worths
from harness.report.gather import gather
from harness.report.page import write_files
from harness.report.wordings import number
from harness.space.profiles import load_study
from harness.studies import read_study, write_study

STUDY = """\
question: What is each part worth?
model:
  image_size: 64
  backbone: {name: lcnet_050}
  feature_network: {topology: bifpn, width: 16, repeats: 2, projection: always}
  head: {depth: 2}
seeds: 2
ablation:
  parts:
    weights: {without: {model.feature_network.fuse: sum}}
    repeats: {without: {model.feature_network.repeats: 1}}
    tower: {without: {model.head.depth: 1}}
  swaps:
    softmax: {model.feature_network.fuse: {weighted: softmax}}
  matched: {arms: [full], widen: base}
"""
TUNE = "  tune: {recipe.optimizer.learning_rate: [0.01, 0.02]}\n"
UNTUNED = "untuned (the baseline's learning rate)"
OPTIMISTIC = "chosen on the data it is shown on (optimistic)"


@pytest.fixture
def harness(monkeypatch, tmp_path, facts):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.run.open_facts", lambda cache: facts)
    monkeypatch.setattr("harness.plan.open_facts", lambda cache: facts)

    def harness(text, *args):
        (tmp_path / "parts.yaml").write_text(text)
        result = CliRunner().invoke(main, [args[0], "parts.yaml", *args[1:]])
        assert result.exit_code == 0, result.output
        return result.stdout

    return harness


def words(text):
    return re.sub(r"[│┃\s]+", " ", text)


def test_the_plan_says_what_each_arm_changes(harness):
    said = words(harness(STUDY, "plan"))
    for line in (
        "full - weights full without weights: fuse sum",
        "base + tower base with tower: as full in depth",
        "full, softmax full softmax: fuse weighted softmax",
        f"every arm but the baseline: {UNTUNED}",
    ):
        assert line in said
    assert re.search(r"base, matched to full full base at equal cost: width \d+, costs", said)


def test_the_plan_as_data(harness):
    document = json.loads(harness(STUDY, "plan", "--json"))
    arms = {arm["name"]: arm for arm in document["ablation"]["arms"]}
    assert set(arms) == {trial["arm"] for trial in document["trials"]}
    assert (arms["full - tower"]["kind"], arms["full - tower"]["against"]) == ("removed", "full")
    [match] = document["ablation"]["matched"]
    macs = {trial["arm"]: trial["macs"] for trial in document["trials"]}
    assert (match["macs"], match["target"]) == (macs["base, matched to full"], macs["full"])
    assert match["off"] == pytest.approx(match["macs"] / match["target"] - 1)
    assert abs(match["off"]) < 0.05
    assert document["untuned"] == dict.fromkeys([arm for arm in arms if arm != "full"], UNTUNED)


def test_a_plan_without_an_ablation_has_none(harness, small_study):
    document = json.loads(harness(small_study.read_text(), "plan", "--json"))
    assert (document["ablation"], document["untuned"]) == (None, {})


@pytest.mark.parametrize(
    ("section", "marked"),
    [
        ("  rates: {base: 0.02, full - tower: 0.02}\n",
         {"full - weights", "full - repeats", "base + weights", "base + repeats", "base + tower",
          "full, softmax"}),
        (TUNE, set()),
        ("  rates: {full: 0.02}\n", None),
    ],
)  # fmt: skip
def test_which_arms_are_marked_untuned(harness, section, marked):
    document = json.loads(harness(STUDY + section, "plan", "--json"))
    said = document["untuned"]
    if marked is None:
        assert set(said.values()) == {"untuned (the study's learning rate)"}
    else:
        assert set(said) == marked


def test_plain_arms_beside_a_baseline_are_marked_too(harness):
    arms = """\
arms:
  a: {}
  b: {model.feature_network.fuse: sum}
  c: {model.feature_network.fuse: sum, recipe.optimizer: {learning_rate: 0.5}}
baseline: a
"""
    text = STUDY.partition("ablation:")[0] + arms
    assert json.loads(harness(text, "plan", "--json"))["untuned"] == {"b": UNTUNED}
    assert f"b: {UNTUNED}" in words(harness(text, "plan"))
    assert json.loads(harness(text.replace("baseline: a\n", ""), "plan", "--json"))["untuned"] == {}


def test_a_run_ends_in_a_page_with_the_parts(harness, fake_trial, tmp_path):
    harness(STUDY, "run", "--trial", fake_trial, "--engine", "inline")
    page = unescape((tmp_path / "reports" / "parts" / "default" / "index.html").read_text())
    assert "What each part is worth" in page
    assert "without tower" in page
    assert page.count(UNTUNED) >= 2 * 9
    assert "Interaction (n=2): full minus base is 0.000 AP." in page
    assert (tmp_path / "reports" / "parts" / "default" / "ablation.csv").is_file()
    found = read_study(tmp_path / "results", "parts", "default")
    assert found.changes is not None
    assert found.changes["full - weights"] == {"model.feature_network.fuse": "sum"}


@pytest.fixture
def measured(tmp_path, facts, make):
    """Results whose APs are made up: a base of 0.3, parts worth 0.01, 0.02, 0.04; together 0.03
    more. One seed is 0.1 above the other."""
    worth = {"weights": 0.01, "repeats": 0.02, "tower": 0.04}

    def ap(arm, seed, rate):
        has = set(worth) if arm.startswith("full") else set()
        has -= {arm.removeprefix("full - ")}
        has |= {arm.removeprefix("base + ")} & set(worth)
        tuned = 0.005 if rate == (0.01 if arm == "base" else 0.02) else 0.0
        return 0.3 + sum(worth[part] for part in has) + 0.03 * (len(has) == 3) + seed / 10 + tuned

    def measured(text, without=(), matches=False):
        (tmp_path / "parts.yaml").write_text(text)
        ledger = Ledger(tmp_path / "results")
        plan = make_plan(load_study(tmp_path / "parts.yaml"), ledger, facts)
        for one in plan.cells:
            cell = one.cell
            if (cell.arm, cell.seed) not in without and not ledger.get(cell.id):
                rate = cell.choice.get("recipe.optimizer.learning_rate")
                value = ap(cell.arm, cell.seed, rate)
                evidence = Evidence({}, make.matches(value, cell.seed)) if matches else None
                ledger.write(make.record(cell.id, cell.seed, value, cell.macs), evidence)
        write_study(tmp_path / "results", plan.results())
        return gather(tmp_path / "results", "parts", "default")

    return measured


def near(value):
    return pytest.approx(value, abs=1e-9)


def test_differences_are_by_seed_and_the_interaction_is_beyond_the_sums(measured):
    info = measured(STUDY).ablation
    rows = {row.name: row for row in info.rows}
    assert rows["full - tower"].gap.mean == near(-0.07)
    assert rows["full - tower"].gap.sd == near(0)
    assert (rows["full - tower"].gap.n, rows["base + tower"].gap.n) == (2, 2)
    assert rows["base + tower"].gap.mean == near(0.04)
    assert rows["full"].gap is None
    assert rows["full"].partner == "base, matched to full"
    assert rows["base, matched to full"].match.startswith("width ")
    assert rows["full - tower"].macs_gap < 0 < rows["base + tower"].macs_gap
    assert re.fullmatch(r"−\d\.\d\d M \(−\d+\.\d%\)", rows["full - tower"].cost)
    both = info.interaction
    assert both.whole.mean == near(0.1)
    assert both.added.mean == near(0.07)
    assert both.removed.mean == near(0.07 + 3 * 0.03)
    assert both.beyond_added.mean == near(0.03)
    assert both.beyond_removed.mean == near(-0.06)
    assert both.whole.n == 2


def test_intervals_are_over_test_images_too_where_matches_are_kept(measured):
    rows = {row.name: row for row in measured(STUDY, matches=True).ablation.rows}
    gap = rows["full - tower"].gap
    assert gap.mean == near(-0.07)
    assert gap.sd == near(0)  # seeds do the same to both
    assert gap.image_se > 0
    assert gap.low < -0.07 < gap.high
    assert rows["full"].ap.sources == "seeds and test images"


def test_differences_and_the_interaction_have_their_intervals(measured, tmp_path):
    data = measured(STUDY, matches=True)
    page = re.sub(r"</?span[^>]*>", "", write_files(data, tmp_path / "page")[0].read_text())
    whole = data.ablation.interaction.whole
    ends = f"[{number(whole.low, 3, True)}, {number(whole.high, 3, True)}]"
    assert f"full minus base is +0.100 {ends} AP." in page
    row = ablation_table(data.ablation).set_index("arm").loc["full - tower"]
    assert row["difference_low"] < row["difference_mean"] < row["difference_high"]
    assert f"−0.070 [{number(row['difference_low'], 3, True)}, " in page


def test_the_picture_shows_what_is_lost_and_what_is_gained(measured):
    found = worths(measured(STUDY).ablation)
    assert [(one.part, one.end, round(one.mean, 9)) for one in found] == [
        ("weights", "taken out of full", 0.04),
        ("repeats", "taken out of full", 0.05),
        ("tower", "taken out of full", 0.07),
        ("weights", "added to base", 0.01),
        ("repeats", "added to base", 0.02),
        ("tower", "added to base", 0.04),
    ]
    (axes,) = draw_ablation(found).axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["weights", "repeats", "tower"]
    dots = [line.get_xdata() for line in axes.lines if line.get_marker() == "o"]
    assert list(dots[0]) == near([0.04, 0.05, 0.07])
    assert list(dots[1]) == near([0.01, 0.02, 0.04])


def test_one_seed_has_dots_without_bars(measured):
    found = worths(measured(STUDY.replace("seeds: 2", "seeds: 1")).ablation)
    assert {one.interval for one in found} == {None}
    assert len(draw_ablation(found).axes[0].lines) == 3


def test_seeds_that_an_arm_lacks_are_left_out_of_what_needs_it(measured):
    info = measured(STUDY, without={("full - tower", 1)}).ablation
    rows = {row.name: row for row in info.rows}
    assert (rows["full - tower"].gap.n, rows["full - repeats"].gap.n) == (1, 2)
    assert info.interaction.whole.n == 1


def test_no_interaction_without_an_arm_or_an_end(measured):
    gone = {("full - tower", 0), ("full - tower", 1)}
    assert measured(STUDY, without=gone).ablation.interaction is None
    one_end = measured(STUDY.replace("  matched: {arms: [full], widen: base}\n", "  ends: full\n"))
    assert (one_end.ablation.interaction, one_end.ablation.both) == (None, False)


def test_tuned_arms_are_shown_at_their_best_and_say_so(measured):
    data = measured(STUDY + TUNE)
    rows = {row.name: row for row in data.ablation.rows}
    assert rows["base"].ap.mean == near(0.355)
    assert rows["full - tower"].gap.mean == near(-0.07)
    assert data.ablation.interaction.whole.mean == near(0.1)
    said = f"tuned: best of 2 values of learning_rate, {OPTIMISTIC}"
    assert {row.note for row in rows.values()} == {said}
    assert {arm.note for arm in data.arms} == {said}
    labels = {arm.arm: arm.label for arm in data.arms}
    assert labels["base"] == "base, learning_rate 0.01"
    assert labels["full"] == "full, learning_rate 0.02"


def test_untuned_arms_are_marked_in_the_summary(measured):
    notes = {arm.label: arm.note for arm in measured(STUDY).arms}
    assert notes.pop("full") == ""
    assert set(notes.values()) == {UNTUNED}


def test_results_from_before_say_nothing_of_rates(measured, tmp_path):
    measured(STUDY)
    file = tmp_path / "results" / "studies" / "parts" / "default.json"
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({k: v for k, v in kept.items() if k not in ("changes", "ablation")}))
    data = gather(tmp_path / "results", "parts", "default")
    assert data.ablation is None
    assert {arm.note for arm in data.arms} == {""}
