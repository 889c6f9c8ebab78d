"""`harness export` of a trial that was trained: every file, and what goes wrong."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from harness import trial
from harness.cli import main
from harness.data import open_data
from harness.errors import TrialError
from harness.exchange import export as exchange
from harness.exchange import onnx_file
from harness.exchange.export import load_exported
from harness.graph import digest, expand, from_tree
from harness.latency import measure
from harness.ledger import Ledger
from harness.space.data import DataSpec
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.space.zoo import load_topology
from harness.trial import load_trained, run_trial

pytestmark = pytest.mark.xdist_group("exporting")
"""One trial is trained for all of them."""

ROOT = Path(__file__).parents[2]
DATA = DataSpec(train_images=8, val_images=4)
FILES = {"README.md", "anchors.npy", "load.py", "model.onnx", "model.pt", "spec.json",
         "topology.yaml"}  # fmt: skip


def export(*args):
    result = CliRunner().invoke(main, ["export", *map(str, args)])
    assert "Traceback" not in result.output
    return result


@pytest.fixture(scope="module")
def where(tmp_path_factory):
    return Workplace(tmp_path_factory.mktemp("results"), device="cpu")


@pytest.fixture(scope="module")
def trained(where, small_trial):
    facts = open_data(DATA, 64, where.cache).facts
    spec = small_trial(facts=facts, data=DATA, epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "measure", partial(measure, budget=0.02))
        record = run_trial(spec, where)
    assert record.status == "done", record.traceback
    return spec


@pytest.fixture(scope="module")
def folder(trained, where, tmp_path_factory):
    """Its export, asked for by the beginning of its id."""
    out = tmp_path_factory.mktemp("out") / "exported"
    done = export(trained.id[:6], "--results", where.results, "--out", out)
    assert done.exit_code == 0, done.output
    return out


def images(count):
    generator = torch.Generator().manual_seed(count)
    return torch.randn(count, 3, 64, 64, generator=generator)


def test_every_file_is_there_and_nothing_beside_it(folder):
    assert {file.name for file in folder.iterdir()} == FILES
    assert [file.name for file in folder.parent.iterdir()] == ["exported"]


def test_the_state_dict_has_every_bit(folder, trained, where):
    kept = torch.load(folder / "model.pt", weights_only=True)
    wanted = load_trained(trained, where).state_dict()
    assert kept.keys() == wanted.keys()
    tensors = [name for name, value in wanted.items() if isinstance(value, torch.Tensor)]
    assert len(tensors) > 50
    assert all(torch.equal(kept[name], wanted[name]) for name in tensors)


def test_what_is_loaded_says_the_same(folder, trained, where):
    with torch.no_grad():
        found, wanted = load_exported(folder)(images(2)), load_trained(trained, where)(images(2))
    for one, other in zip(
        (*found.classes, *found.boxes), (*wanted.classes, *wanted.boxes), strict=True
    ):
        assert torch.equal(one, other)


def test_the_spec_is_the_trial(folder, trained):
    assert TrialSpec.model_validate_json((folder / "spec.json").read_text()).id == trained.id


def test_a_trained_backbone_is_not_looked_for_again(folder, trained, tmp_path):
    """The state dict has it: neither the other trial nor a weights file need be there."""
    backbone = trained.model.backbone.model_copy(update={"source": trained})
    model = trained.model.model_copy(update={"backbone": backbone})
    (tmp_path / "model.pt").write_bytes((folder / "model.pt").read_bytes())
    spec = trained.model_copy(update={"model": model})
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    state, wanted = load_exported(tmp_path).state_dict(), load_exported(folder).state_dict()
    name = next(name for name in wanted if name.startswith("backbone."))
    assert torch.equal(state[name], wanted[name])


def test_the_topology_file_is_the_trained_graph(folder, trained):
    topology = load_topology(folder / "topology.yaml")
    graph = from_tree(trained.model.feature_network.graph)
    assert digest(expand(topology)) == digest(graph)
    assert topology.tree.keys() >= {"source", "published", "inferred"}
    assert trained.id in topology.tree["inferred"]


@pytest.mark.parametrize("command", ["show", "check"])
def test_the_topology_file_is_read_by_commands(folder, command):
    done = CliRunner().invoke(main, [command, str(folder / "topology.yaml")])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("count", [1, 3])
def test_onnx_gives_what_torch_gives(folder, trained, where, count):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    names = [f"{kind}_p{level}" for kind in ("classes", "boxes") for level in (3, 4, 5)]
    assert [one.name for one in session.get_outputs()] == names
    found = session.run(None, {"images": images(count).numpy()})
    with torch.no_grad():
        wanted = load_trained(trained, where)(images(count))
    for one, other in zip(found, (*wanted.classes, *wanted.boxes), strict=True):
        assert one.shape == tuple(other.shape)
        assert np.abs(one - other.numpy()).max() < 1e-4


def test_the_anchors_are_those_of_its_outputs(folder):
    anchors = np.load(folder / "anchors.npy")
    assert anchors.shape == (9 * (8 * 8 + 4 * 4 + 2 * 2), 4)


def test_the_example_runs_elsewhere(folder, tmp_path):
    done = subprocess.run(
        [sys.executable, str(folder / "load.py")], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ours, theirs = done.stdout.splitlines()
    assert re.findall(r"\(.*?\)", ours) == re.findall(r"\(.*?\)", theirs)
    assert "(1, 36, 8, 8)" in ours


def test_the_page_says_how_outputs_are_read(folder, trained):
    page = (folder / "README.md").read_text()
    assert page.startswith(f"# Trial {trained.id}\n")
    for words in ("`classes_p3`, `classes_p4`", "mean 0.485, 0.456, 0.406", "`model.onnx`"):
        assert words in page
    assert f"Classes: {', '.join(trained.facts.categories)}." in " ".join(page.split())


def test_it_goes_to_a_folder_of_its_id(trained, where, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None)
    for _ in range(2):
        done = export(trained.id, "--results", where.results)
        assert done.exit_code == 0, done.output
    assert [file.name for file in (tmp_path / "exports").iterdir()] == [trained.id]


def test_without_onnx_all_else_is_written(trained, where, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None)
    done = export(trained.id, "--results", where.results, "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert "no model.onnx: `pip install onnx onnxscript`, then export again" in done.stderr
    assert {file.name for file in (tmp_path / "out").iterdir()} == FILES - {"model.onnx"}
    assert "- `model.onnx`" not in (tmp_path / "out" / "README.md").read_text()


def test_a_failure_leaves_what_was_there(trained, where, tmp_path, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None)
    assert export(trained.id, "--results", where.results, "--out", out).exit_code == 0
    before = (out / "README.md").stat().st_mtime_ns

    def fail(*_):
        raise OSError(28, "No space left on device", "model.pt")

    monkeypatch.setattr(exchange, "readme_text", fail)
    assert export(trained.id, "--results", where.results, "--out", out).exit_code == 2
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    assert (out / "README.md").stat().st_mtime_ns == before


def test_a_folder_of_something_else_is_left_alone(trained, where, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    done = export(trained.id, "--results", where.results, "--out", tmp_path)
    assert done.exit_code == 2
    assert f"{tmp_path} is there and is no earlier export: choose another --out" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_files_of_the_user_in_an_export_are_left_alone(trained, where, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None)
    out = tmp_path / "out"
    assert export(trained.id, "--results", where.results, "--out", out).exit_code == 0
    (out / "my_finetuned.pt").write_text("mine")
    done = export(trained.id, "--results", where.results, "--out", out)
    assert done.exit_code == 2
    assert f"{out} holds my_finetuned.pt, which no export wrote: choose another" in done.stderr
    assert (out / "my_finetuned.pt").read_text() == "mine"


def test_it_goes_into_the_folder_one_is_in(trained, where, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None)
    for folder in (tmp_path / "out", "."):
        done = export(trained.id, "--results", where.results, "--out", folder)
        assert done.exit_code == 0, done.output
        monkeypatch.chdir(tmp_path / "out")
    assert {file.name for file in (tmp_path / "out").iterdir()} == FILES - {"model.onnx"}


def test_what_onnx_cannot_say_is_noted_and_all_else_written(trained, where, tmp_path, monkeypatch):
    def fail(detector, path):
        path.write_text("half")
        raise RuntimeError("no operator 'x'\nand a long tale")

    monkeypatch.setattr(exchange, "write_onnx", fail)
    monkeypatch.setattr(exchange, "missing", lambda *_: [])
    done = export(trained.id, "--results", where.results, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert done.stderr.splitlines() == ["no model.onnx: no operator 'x'"]
    assert {file.name for file in (tmp_path / "out").iterdir()} == FILES - {"model.onnx"}


def test_what_is_no_export_or_damaged_is_said_in_a_line(folder, tmp_path):
    with pytest.raises(TrialError, match=r"^no .*spec\.json: .* is no exported folder$"):
        load_exported(tmp_path)
    (tmp_path / "spec.json").write_text('{"model": 1}')
    with pytest.raises(TrialError, match=r"^.*spec\.json is damaged: .*model.*$"):
        load_exported(tmp_path)
    (tmp_path / "spec.json").write_bytes((folder / "spec.json").read_bytes())
    with pytest.raises(TrialError, match=r"^no .*model\.pt: .* is no exported folder$"):
        load_exported(tmp_path)
    (tmp_path / "model.pt").write_bytes((folder / "model.pt").read_bytes()[:1000])
    with pytest.raises(TrialError, match=r"^.*model\.pt is damaged: .+$"):
        load_exported(tmp_path)
    state = torch.load(folder / "model.pt", weights_only=True)
    name = next(iter(state))
    del state[name]
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(TrialError, match=rf"has not the weights of .*network:[\s\S]*{name}"):
        load_exported(tmp_path)


def test_an_unknown_trial(trained, where, tmp_path):
    near = trained.id[:-1] + ("0" if trained.id[-1] != "0" else "1")
    done = export(near, "--results", where.results)
    assert done.exit_code == 2
    assert f"no trial {near!r} in {where.results / 'ledger'}; did you mean {trained.id!r}?" in (
        done.stderr
    )
    empty = export("abc", "--results", tmp_path)
    assert empty.exit_code == 2
    assert f"no trial 'abc' in {tmp_path / 'ledger'}; it is empty" in empty.stderr


@pytest.fixture
def others(trained, where, tmp_path):
    """A ledger of records without weights: two whose ids begin alike, one of which failed."""
    done = Ledger(where.results).get(trained.id)
    ledger = Ledger(tmp_path)
    ledger.write(replace(done, id="abc1"))
    ledger.write(replace(done, id="abc2", status="failed", reason="out of memory"))
    ledger.write(done)
    return tmp_path


def test_a_beginning_of_several_trials(others):
    done = export("abc", "--results", others)
    assert done.exit_code == 2
    assert "'abc' begins 2 trials: abc1, abc2" in done.stderr


def test_a_trial_that_failed(others):
    done = export("abc2", "--results", others)
    assert done.exit_code == 2
    assert "trial abc2 is failed, not done: out of memory" in done.stderr


def test_a_trial_whose_weights_are_gone(others, trained):
    done = export(trained.id, "--results", others)
    assert done.exit_code == 1
    assert f"the weights of trial {trained.id} are gone: no {others}" in done.stderr
    assert "run its study" in done.stderr
