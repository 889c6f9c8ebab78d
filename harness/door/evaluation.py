"""`harness eval`: an evaluation in words."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.plurals import many

NAMES = {
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "ap_small": "AP small",
    "ap_medium": "AP medium",
    "ap_large": "AP large",
}


def evaluation_words(record: Mapping[str, Any], file: Path) -> Iterator[str]:
    """AP in percent, what it is of, and where the record is."""
    data, post = record["data"], record["postprocess"]
    yield f"{record['model']} at {record['image_size']} px, {many(data['images'], 'image')}"
    for name, label in NAMES.items():
        value = record["metrics"][name]
        yield f"  {label:<10} {'-' if value is None else f'{100 * value:.1f}'}"
    yield f"  {post['nms']} suppression with sigma {post['soft_sigma']}"
    yield f"  {post['candidates']} candidates, scores above {post['score_threshold']}"
    yield f"  {post['max_detections']} detections an image"
    yield f"  on {record['environment']['device']}, {record['seconds']:.0f} s"
    yield str(file)
