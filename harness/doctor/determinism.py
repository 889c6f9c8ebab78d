"""A tiny trial trained again and again: the same bits, however its data are read."""

from pathlib import Path

import torch

from harness.doctor.finding import Finding, Setting
from harness.environment import find_device
from harness.ledger import Ledger
from harness.plan import make_plan, open_facts
from harness.records import TrialRecord
from harness.sameness import differences
from harness.space.profiles import load_study
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.trial import load_trained, run_trial

STUDY = """\
question: Is a trial a function of its spec?
model:
  image_size: 64
  backbone: {name: lcnet_035}
  feature_network: {topology: bifpn, width: 8, repeats: 1, projection: always}
  head: {width: 8, depth: 1}
recipe:
  batch_size: 8
  optimizer: {name: adamw, learning_rate: 2.0e-3, reference_batch: 8}
  schedule: {epochs: 2, warmup_epochs: 0.5, ema_decay: 0.9}
  augmentation: {flip: true, scale: [0.8, 1.25]}
data: {name: shapes, train_images: 16, val_images: 8}
"""
"""Four steps of a whole detector: backbone, augmentation and averages included."""
WAYS = {"again": 0, "with 2 data workers": 2}


def determinism(setting: Setting) -> Finding:
    """Weights, losses, detections and metrics of a few steps on the CPU, compared bit by bit.

    On CUDA nothing is promised (the fastest kernels are looked up): there it is told.
    """
    spec = _spec(setting.scratch)
    first = _trained(spec, setting.scratch / "first", "cpu", 0)
    wrong = []
    for way, workers in WAYS.items():
        found = _apart(spec, first, _trained(spec, setting.scratch / way[:5], "cpu", workers))
        if found:
            wrong.append(f"{way}: {found}")
    figures = {"steps": 4, "ways": list(WAYS)}
    if wrong:
        return Finding.of(False, "; ".join(wrong), **figures)
    said = "four steps on the CPU, again and with 2 data workers: equal to the last bit"
    if find_device(setting.device).type != "cuda":
        return Finding.of(True, said, **figures)
    one, other = (_trained(spec, setting.scratch / name, "cuda", 0) for name in ("gpu", "gpu2"))
    apart = _apart(spec, one, other)
    said += f"; on CUDA, where last digits may differ: {apart or 'equal'}"
    return Finding.of(True, said, **figures, cuda_differs=apart)


def _spec(scratch: Path) -> TrialSpec:
    file = scratch / "determinism.yaml"
    file.write_text(STUDY)
    plan = make_plan(load_study(file), Ledger(scratch), open_facts(scratch / "cache"))
    return plan.cells[0].spec


def _trained(
    spec: TrialSpec, folder: Path, device: str, workers: int
) -> tuple[TrialRecord, Workplace]:
    where = Workplace(folder, device=device, data_workers=workers)
    return run_trial(spec, where), where


def _apart(
    spec: TrialSpec, one: tuple[TrialRecord, Workplace], other: tuple[TrialRecord, Workplace]
) -> str:
    """The first thing that differs, in words; empty where nothing does."""
    for record, _ in (one, other):
        if record.status != "done":
            return f"the trial {record.status}: {record.reason}"
    arrays = tuple(Ledger(where.results).detections(spec.id) for _, where in (one, other))
    found = differences(one[0], other[0], (arrays[0], arrays[1]))
    if found:
        return str(found[0])
    a, b = (load_trained(spec, where).state_dict() for _, where in (one, other))
    return next((f"weights of {key}" for key in a if not torch.equal(a[key], b[key])), "")
