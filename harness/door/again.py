"""`harness rerun`: a recorded trial once more, in a folder of its own, and what differs."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness.errors import SpecError
from harness.files import scratch_of
from harness.ledger import Ledger, find_trial
from harness.plurals import many
from harness.records import TrialRecord
from harness.sameness import circumstances, differences
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.trainers import RUN_TRIAL, Named, trainer_of


def again(
    word: str,
    results: Path,
    device: str,
    threads: int | None,
    scratch: Path | None,
    plugins: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Train a finished trial again and compare; the document of `harness rerun --json`.

    Nothing is written to the ledger. Data come from the real folder's cache, the backbone from it.
    threads: None is as recorded.
    """
    ledger = Ledger(results)
    recorded = find_trial(word, ledger)
    spec = TrialSpec.model_validate_json(json.dumps(recorded.spec))
    with ExitStack() as stack:
        if scratch is None:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rerun-")))
        where = _workplace(recorded, scratch, device, threads)
        _bring(spec, Workplace(results), where)
        name, note = _trainer(spec)
        new = Named(name, plugins)(spec, where, lambda facts: None)
        arrays = (ledger.detections(recorded.id), Ledger(scratch).detections(spec.id))
        found = differences(recorded, new, arrays)
        notes = [*map(str, circumstances(recorded, new)), *note]
    if spec.id != recorded.id:
        notes.append(f"the recorded spec is of trial {spec.id}")
    return {
        "trial": recorded.id,
        "equal": not found and spec.id == recorded.id,
        "differences": [
            {"what": one.what, "epoch": one.epoch, "recorded": one.recorded, "again": one.again}
            for one in found
        ],
        "words": list(map(str, found)),
        "notes": notes,
        "seconds": [recorded.seconds, new.seconds],
    }


def again_words(document: Mapping[str, Any]) -> Iterator[str]:
    """The same for people."""
    before, after = document["seconds"]
    yield f"trial {document['trial']}: {before:.1f} s recorded, {after:.1f} s now"
    if document["equal"]:
        yield "equal to the last digit"
    else:
        yield many(len(document["words"]), "difference")
        yield from (f"  {words}" for words in document["words"])
    if document["notes"]:
        yield "not the same about it:"
        yield from (f"  {note}" for note in document["notes"])


def _workplace(recorded: TrialRecord, scratch: Path, device: str, threads: int | None) -> Workplace:
    """As the recorded trial had it, in a folder that has no ledger."""
    if (scratch / "ledger").exists():
        raise SpecError(f"--keep-in {scratch}: has a ledger; name a folder that has none")
    place = recorded.environment
    return Workplace(
        scratch.resolve(),
        device=device,
        threads=threads or place.threads,
        devices=place.processes,
        keep="last",
        evaluate_at=tuple(rung.epoch for rung in recorded.rungs),
    )


def _bring(spec: TrialSpec, real: Workplace, where: Workplace) -> None:
    """The data and the backbone of the real folder."""
    where.results.mkdir(parents=True, exist_ok=True)
    cache = scratch_of(real.results).resolve() / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    if not where.cache.exists():
        where.cache.symlink_to(cache, target_is_directory=True)
    source = spec.model.backbone.source
    if source is None:
        return
    from harness.training.handover import backbone_file

    file, own = backbone_file(source, real), where.backbone(source.id)
    own.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, own)
    digest = real.backbone(source.id)
    digest = digest.with_name(digest.name + ".sha256")
    own.with_name(own.name + ".sha256").write_bytes(digest.read_bytes())


def _trainer(spec: TrialSpec) -> tuple[str, list[str]]:
    """Who trains it, and a note where that is no longer the version that did."""
    if spec.trainer is None:
        return RUN_TRIAL, []
    name = spec.trainer.partition("@")[0]
    now = trainer_of(name)
    if now is None or now.name == spec.trainer:
        return name, []
    return name, [f"trainer: {spec.trainer!r} recorded, {now.name!r} now"]
