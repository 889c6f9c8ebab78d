"""`harness import`: a checkpoint of effdet's into our own file, and what is said of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import SpecError

KINDS = ("effdet",)


def import_document(kind: str, checkpoint: Path, model: str | None, out: Path | None) -> Any:
    """What became of every name, and `file`: where the weights are; None if they do not fit."""
    from harness.exchange import import_effdet, write_detector

    if kind not in KINDS:
        raise SpecError(f"{kind!r} is no naming of weights; there is {', '.join(KINDS)}")
    found = import_effdet(checkpoint, model)
    file = out or Path(f"{found.model.name}.pt")
    if file.exists() and file.samefile(checkpoint):
        raise SpecError(f"--out {file}: is the checkpoint itself")
    if found.complete:
        write_detector(file, found.model.name, f"effdet, {checkpoint.name}", found.detector)
    kept = str(file) if found.complete else None
    return {**found.as_json(), "asked": model or found.model.name, "file": kept}


def import_words(document: Any) -> Iterator[str]:
    """How many names are unmatched, and each; then what was done."""
    if faults := _faults(document):
        yield f"{len(faults)} names or shapes do not fit: is the file of another model?"
    yield from faults
    yield f"{document['model']}: {document['taken']} tensors taken"
    if document["asked"] != document["model"]:
        yield (
            f"{document['asked']} names two networks: with biases before norms it is google's, "
            f"{document['model']}"
        )
    if zeros := document["zeros"]:
        yield f"{len(zeros)} biases before norms are zero: this network was trained without them"
    yield f"written to {document['file']}" if document["file"] else "nothing was written"


def _faults(document: Any) -> list[str]:
    return [
        *(f"ours without weights: {one}" for one in document["missing"]),
        *(f"theirs unused: {one}" for one in document["unused"]),
        *(f"shapes differ: {one}" for one in document["misfits"]),
    ]
