"""Detectors that EfficientDet is compared with in its paper, and EfficientDet itself: as printed.

Quoted to stand beside measurements, never among them. Where a detector is in
`harness.space.family`, its cost is that table's, so that no figure stands in two places.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from harness.errors import SpecError, did_you_mean
from harness.space.base import Frozen
from harness.space.family import PAPER, member
from harness.space.load import read_yaml
from harness.space.printed import Printed
from harness.space.study import PrintedText

FILE = Path(__file__).with_name("detectors.yaml")

Split = Literal["val", "test-dev"]
"""COCO's val2017, or its test-dev."""


@dataclass(frozen=True, slots=True)
class PublishedDetector:
    """One row of a published table. Figures that the table leaves out are None; AP in percent."""

    name: str
    short: str
    """The name beside a point of a plot."""
    source: str
    convention: str
    """What the source counts as one FLOP."""
    verified: str
    """How its figures were checked against the source; empty where they were not."""
    source_note: str
    """Of all its rows."""
    note: str
    ap_val: Printed | None
    ap_test_dev: Printed | None
    params: Printed | None
    flops: Printed | None
    image_size: int | None

    @property
    def ap(self) -> tuple[Printed, Split]:
        """The AP that is nearest to what is measured here, on val where the source has it."""
        if self.ap_val is not None:
            return self.ap_val, "val"
        assert self.ap_test_dev is not None
        return self.ap_test_dev, "test-dev"


class _Source(Frozen):
    name: str
    convention: str
    verified: str = ""
    note: str = ""


class _Row(Frozen):
    """As the file has it. short: `name` where left out.

    member: of `harness.space.family`, whose cost the row then takes.
    """

    name: str
    short: str = ""
    source: str
    ap_val: PrintedText | None = None
    ap_test_dev: PrintedText | None = None
    params: PrintedText | None = None
    flops: PrintedText | None = None
    image_size: int | None = None
    member: str | None = None
    note: str = ""


class _File(Frozen):
    sources: dict[str, _Source]
    detectors: tuple[_Row, ...]


def detectors(file: Path = FILE) -> tuple[PublishedDetector, ...]:
    """The detectors in the order of the file.

    Raises `SpecError` where a row names a source or a member that there is not, or has no AP.
    """
    held = TypeAdapter(_File).validate_json(json.dumps(read_yaml(file).tree))
    return tuple(_detector(row, held.sources) for row in held.detectors)


def _detector(row: _Row, sources: dict[str, _Source]) -> PublishedDetector:
    if row.source not in sources:
        raise SpecError(f"{row.name}: no source {row.source!r}{did_you_mean(row.source, sources)}")
    if row.ap_val is None and row.ap_test_dev is None:
        raise SpecError(f"{row.name}: no AP")
    source, (params, flops, size, convention) = sources[row.source], _cost(row)
    return PublishedDetector(
        name=row.name,
        short=row.short or row.name,
        source=source.name,
        convention=convention or source.convention,
        verified=source.verified,
        source_note=source.note,
        note=row.note,
        ap_val=_read(row.ap_val),
        ap_test_dev=_read(row.ap_test_dev),
        params=params,
        flops=flops,
        image_size=size,
    )


def _cost(row: _Row) -> tuple[Printed | None, Printed | None, int | None, str]:
    """Parameters, FLOPs, input size and how FLOPs are counted (empty: as the source says).

    Of the family's table where the row is of it.
    """
    if row.member is None:
        return _read(row.params), _read(row.flops), row.image_size, ""
    known = member(row.member)
    quote = next(one for one in known.published if one.source == PAPER)
    return quote.params, quote.macs, known.image_size, quote.convention


def _read(text: str | float | None) -> Printed | None:
    return None if text is None else Printed.read(text)
