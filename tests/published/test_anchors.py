"""Known results: not run here until a record is in, and then a figure beside the known one."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.errors import LedgerError
from harness.ledger import Ledger
from harness.published.anchors import FILE, NOT_RUN, State, anchor_states, load_anchors
from harness.records import Environment, Metrics, TrialRecord
from harness.search import grid
from harness.space.bind import bind
from harness.space.data import DataFacts, DataSpec
from harness.space.load import read_yaml
from harness.space.profiles import load_study
from harness.space.trial import TrialSpec
from harness.studies import Cell, StudyResults, write_study

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "search_spaces" / "anchors" / "retinanet_r50_coco.yaml"
RETINANET, EFFDET = "retinanet_r50_fpn_1x", "efficientdet_d0_effdet"


def coco(spec: DataSpec, image_size: int) -> DataFacts:
    return DataFacts(
        fingerprint="coco",
        categories=tuple(f"class {number}" for number in range(80)),
        train_images=118_287,
        val_images=5_000,
    )


def trial(*sets: str) -> TrialSpec:
    study = load_study(STUDY, sets=sets)
    (choice,) = grid(study.spec)
    return bind(study, choice, 0, coco)


def keep(results: Path, spec: TrialSpec, ap: float | None, **changes: Any) -> None:
    """What a run of the anchor's study leaves."""
    where = Environment("here", "cuda (H100)", 1, {}, None, "2026-01-01T00:00:00+00:00")
    metrics = Metrics(ap, 0.5, 0.3, 0.2, 0.4, 0.5, {})
    fields = {"status": "done", "metrics": metrics} | changes
    tree = spec.model_dump(mode="json")
    Ledger(results).write(
        TrialRecord(id=spec.id, spec=tree, environment=where, seconds=1.0, **fields)
    )
    cell = Cell("default", {}, 0, spec.id, "done")
    write_study(results, StudyResults("retinanet_r50_coco", "default", "?", (cell,)))


def state(results: Path, name: str = RETINANET) -> State:
    (found,) = (one for one in anchor_states(results) if one.name == name)
    return found


def evaluation(results: Path, text: str) -> Path:
    file = results / "evals" / "efficientdet_d0.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


def test_nothing_is_run_in_an_empty_folder(tmp_path: Path) -> None:
    states = anchor_states(tmp_path)
    assert [one.name for one in states] == list(read_yaml(FILE).tree)
    assert all(one.ap is None and one.note == NOT_RUN and one.difference is None for one in states)


def test_the_anchor_study_is_the_anchor() -> None:
    """What the record must say is what the study, run on COCO as it is, will say."""
    spec, anchor = trial(), load_anchors()[RETINANET]
    tree = spec.model_dump(mode="json")
    for path, wanted in anchor.holds.items():
        found = tree
        for step in path.split("."):
            found = found[step]
        assert found == wanted, path
    assert anchor.study.name == STUDY.stem
    assert anchor.commands[0].split()[2] == str(STUDY.relative_to(ROOT))


def test_the_recipe_is_mmdetections() -> None:
    recipe = trial().recipe
    assert recipe.schedule.drop.after == (8, 11)
    assert recipe.schedule.epochs == 12
    assert round(recipe.schedule.warmup_epochs * 118_287 / 16) == 500
    assert (recipe.optimizer.learning_rate, recipe.batch_size) == (0.01, 16)
    assert recipe.optimizer.reference_batch == 16
    loss = recipe.loss
    assert loss.box_weight * loss.huber_delta / 4 == 1  # the sum of four L1 distances
    assert (loss.focal_alpha, loss.focal_gamma, loss.negative_iou) == (0.25, 2.0, 0.4)
    assert trial().model.backbone.frozen == 2


def test_a_record_turns_it_into_a_figure(tmp_path: Path) -> None:
    keep(tmp_path, trial(), 0.3612)
    found = state(tmp_path)
    assert found.ap == pytest.approx(36.12)
    assert found.difference == pytest.approx(-0.38)
    assert (found.runs, found.device) == (1, "cuda (H100)")
    said = CliRunner().invoke(main, ["anchors", "--results", str(tmp_path)])
    assert said.exit_code == 0, said.output
    assert "  known    36.5 AP (mmdetection" in said.stdout
    assert "  here     36.1 AP (-0.4; cuda (H100))" in said.stdout
    assert said.stdout.count(NOT_RUN) == 2


def test_a_shipped_record_counts(tmp_path: Path) -> None:
    keep(tmp_path / "shipped", trial(), 0.3612)
    assert state(tmp_path).ap == pytest.approx(36.12)


def test_a_shorter_try_is_not_the_anchor(tmp_path: Path) -> None:
    keep(tmp_path, trial("recipe.schedule.epochs=11"), 0.3)
    found = state(tmp_path)
    assert found.ap is None
    assert found.note == (
        f"{NOT_RUN}: the record in {tmp_path} has recipe.schedule.epochs 11, not 12"
    )


@pytest.mark.parametrize("changes", [{"status": "diverged", "metrics": None}, {"ap": None}])
def test_a_record_without_a_figure_is_none(tmp_path: Path, changes: dict[str, Any]) -> None:
    keep(tmp_path, trial(), **({"ap": 0.3} | changes))
    assert state(tmp_path).note == NOT_RUN


def test_an_evaluation_turns_it_into_a_figure(tmp_path: Path) -> None:
    assert state(tmp_path, EFFDET).note == NOT_RUN
    kept = {
        "metrics": {"ap": 0.3355, "ap50": 0.5},
        "environment": {"device": "cpu"},
        "model": "efficientdet_d0",
        "image_size": 512,
        "data": {"images": 5000, "categories": 80},
        "postprocess": {"nms": "soft", "candidates": 5000, "max_detections": 100},
    }
    file = evaluation(tmp_path, json.dumps(kept))
    said = CliRunner().invoke(main, ["anchors", "--results", str(tmp_path), "--json"])
    rows = {row["name"]: row for row in json.loads(said.stdout)["anchors"]}
    assert rows[EFFDET]["measured_ap"] == pytest.approx(33.55)
    assert rows[EFFDET]["device"] == "cpu"
    assert rows[RETINANET]["measured_ap"] is None
    file.write_text(json.dumps(kept | {"data": {"images": 4999, "categories": 80}}))
    assert "data.images 4999, not 5000" in state(tmp_path, EFFDET).note
    file.write_text(json.dumps(kept | {"model": "tf_efficientdet_d0"}))
    assert "model 'tf_efficientdet_d0', not 'efficientdet_d0'" in state(tmp_path, EFFDET).note
    file.write_text(json.dumps(kept | {"postprocess": {"nms": "hard", "candidates": 1000}}))
    for said in ("nms 'hard', not 'soft'", "candidates 1000, not 5000", "max_detections None"):
        assert said in state(tmp_path, EFFDET).note
    (file.parent / "efficientdet_d0-0123abcd.json").write_text(json.dumps(kept))
    assert state(tmp_path, EFFDET).ap == pytest.approx(33.55)  # beside one of other weights


def test_a_damaged_evaluation_is_named(tmp_path: Path) -> None:
    file = evaluation(tmp_path, '{"metrics": {}}')
    with pytest.raises(LedgerError) as caught:
        anchor_states(tmp_path)
    assert str(caught.value) == f"{file}: metrics.ap: Field required"
    said = CliRunner().invoke(main, ["anchors", "--results", str(tmp_path)])
    assert said.exit_code == 1
    assert "Traceback" not in said.output
