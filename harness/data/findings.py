"""Faults of a COCO file by kind: how many, the first of each, and what is done about it."""

from dataclasses import dataclass, field

from harness.errors import Fault

REMEDY = {
    "annotation id 0": "numbered anew",
    "annotation id given twice": "numbered anew",
    "annotation id that is no whole number": "numbered anew",
    "annotation without a box": "left out",
    "box that is not four finite numbers": "left out",
    "box without area": "left out",
    "box outside its image": "left out",
    "box partly outside its image": "cut to the image",
    "annotation of an image that is not listed": "left out",
    "annotation without an image": "left out",
    "annotation that is no object": "left out",
    "area that is no number": "taken from the box",
}
"""Harmless kinds and their remedy. Every other kind is fatal."""


@dataclass
class Findings:
    """What is wrong with one annotation file."""

    file: str
    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, example: object) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.first.setdefault(kind, str(example))

    def _line(self, kind: str) -> str:
        return f"{self.counts[kind]} x {kind} (first: {self.first[kind]})"

    def fatal(self) -> list[Fault]:
        """Why the file cannot be trusted."""
        kinds = [kind for kind in self.counts if kind not in REMEDY]
        return [Fault("data.root", f"{self.file}: {self._line(kind)}") for kind in kinds]

    def summary(self) -> str:
        """One line on what was mended; empty where nothing was."""
        mended = [f"{self._line(k)}: {REMEDY[k]}" for k in self.counts if k in REMEDY]
        return f"{self.file}: " + "; ".join(mended) if mended else ""
