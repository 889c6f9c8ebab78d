"""What a report must know of validation images: `results/truths/<fingerprint>/`, once a dataset.

`truth.json.gz` is a COCO document (images, categories, annotations) with `bands`, the areas that
part small, medium and large, and `sample`: up to 48 images that lie beside it as WebP of at most
320 pixels a side. Which ones is drawn by a seed from the ids alone, never by results. With it and
its detections a record can be evaluated again without the dataset. It is written last, so where it
is the rest is; and it is never changed, since a fingerprint stands for one dataset.
"""

import gzip
import io
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import LedgerError
from harness.files import create_whole
from harness.ledger import safe_name
from harness.space.streams import stream_seed

log = logging.getLogger(__name__)

TRUTH = "truth.json.gz"
SAMPLE, SIDE, SEED = 48, 320, 0
"""Images kept, their longest side in pixels, and the seed of their draw."""
SAMPLE_BYTES = 1_400_000
"""Most that they take together: their quality is lowered until they fit."""
QUALITIES = (82, 70, 55, 40, 25)
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Picture:
    """A validation image as it is kept: `width` x `height` pixels, `scale` of its own size."""

    image: int
    """Its id."""
    file: str
    width: int
    height: int
    scale: float


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The ground truth of a validation set: I images, K categories, m objects."""

    fingerprint: str
    document: Mapping[str, Any]
    """COCO form; categories in the order of their labels."""
    images: NDArray[np.int64]
    """(I,) ids, ascending."""
    categories: tuple[str, ...]
    image: NDArray[np.int32]
    """(m,) place in `images` of each object; ascending, objects of an image as in the document."""
    category: NDArray[np.int16]
    """(m,) from 0."""
    box: NDArray[np.float64]
    """(m, 4) x0 y0 x1 y1, pixels of the image itself."""
    crowd: NDArray[np.bool_]
    area: NDArray[np.float64]
    """(m,) as annotated, square pixels."""
    bands: tuple[float, float]
    """Areas between small and medium, medium and large."""
    pictures: tuple[Picture, ...] = ()


def truth_path(results: Path, fingerprint: str) -> Path:
    return results / "truths" / safe_name(fingerprint, "fingerprint") / TRUTH


def keep_truth(
    results: Path,
    fingerprint: str,
    document: Mapping[str, Any],
    bands: tuple[float, float],
    ids: Sequence[int],
    pixels: Callable[[int], Pixels],
) -> bool:
    """Keep the truth of a dataset where it is not kept yet; whether it is there afterwards.

    ids: of the validation images; pixels: the image (H, W, 3) at a place of `ids`.
    Whatever goes wrong is told in the log and no more: no trial fails by it.
    """
    try:
        path = truth_path(results, fingerprint)
        if not path.exists():
            shown = sorted(ids, key=lambda one: (stream_seed("pictures", SEED, one), one))[:SAMPLE]
            places = {number: place for place, number in enumerate(ids)}
            sample = _write_pictures(path.parent, {i: pixels(places[i]) for i in sorted(shown)})
            create_whole(path, to_bytes(document, bands, sample))
    except Exception as error:
        log.warning("the ground truth could not be kept: %s: %s", type(error).__name__, error)
        return False
    return True


def to_bytes(
    document: Mapping[str, Any], bands: tuple[float, float], sample: Sequence[Picture] = ()
) -> bytes:
    """The file of a truth: the same bytes for the same truth."""
    tree = {
        "images": [_only(row, "id", "width", "height") for row in document["images"]],
        "categories": [_only(row, "id", "name", "need") for row in document["categories"]],
        "annotations": [_annotation(row) for row in document["annotations"]],
        "bands": list(bands),
        "sample": {
            "seed": SEED,
            "side": SIDE,
            "images": [{name: getattr(one, name) for name in Picture.__slots__} for one in sample],
        },
    }
    return gzip.compress(json.dumps(tree, separators=(",", ":")).encode(), 9, mtime=0)


def _only(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row}


def _annotation(row: Mapping[str, Any]) -> dict[str, Any]:
    """What COCO metrics read of an annotation; areas that are not told are those of the boxes."""
    found = _only(row, "image_id", "category_id")
    found["bbox"] = [_short(value) for value in row["bbox"]]
    found["area"] = _short(row.get("area", row["bbox"][2] * row["bbox"][3]))
    return found | {"iscrowd": int(row.get("iscrowd", 0))}


def _short(value: float) -> float | int:
    """The same number, whole ones without a point."""
    return int(value) if float(value).is_integer() else float(value)


def read_truth(results: Path, fingerprint: str) -> Truth:
    """The kept truth of a dataset; a `LedgerError` where there is none or it is damaged."""
    path = truth_path(results, fingerprint)
    try:
        tree = json.loads(gzip.decompress(path.read_bytes()))
        return _truth(fingerprint, tree)
    except FileNotFoundError:
        raise LedgerError(f"{path}: the ground truth of these trials was not kept") from None
    except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError) as error:
        raise LedgerError(f"{path}: damaged: {type(error).__name__}: {error}") from None


def truth_of(fingerprint: str, document: Mapping[str, Any], bands: tuple[float, float]) -> Truth:
    """A truth from a COCO document at hand, without pictures."""
    return _truth(fingerprint, json.loads(gzip.decompress(to_bytes(document, bands))))


def picture_bytes(results: Path, truth: Truth, picture: Picture) -> bytes | None:
    """A kept image as WebP; None where it is not there."""
    folder = truth_path(results, truth.fingerprint).parent
    try:
        return (folder / safe_name(picture.file, "picture")).read_bytes()
    except OSError:
        return None


def _truth(fingerprint: str, tree: Mapping[str, Any]) -> Truth:
    ids = np.array(sorted(int(row["id"]) for row in tree["images"]), np.int64)
    labels = {row["id"]: place for place, row in enumerate(tree["categories"])}
    places = {number: place for place, number in enumerate(ids.tolist())}
    rows = sorted(tree["annotations"], key=lambda row: places[row["image_id"]])
    box = np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4)
    box[:, 2:] += box[:, :2]
    small, medium = tree["bands"]
    return Truth(
        fingerprint=fingerprint,
        document=tree,
        images=ids,
        categories=tuple(str(row["name"]) for row in tree["categories"]),
        image=np.array([places[row["image_id"]] for row in rows], np.int32),
        category=np.array([labels[row["category_id"]] for row in rows], np.int16),
        box=box,
        crowd=np.array([row["iscrowd"] for row in rows], np.bool_),
        area=np.array([row["area"] for row in rows], np.float64),
        bands=(float(small), float(medium)),
        pictures=tuple(Picture(**row) for row in tree["sample"]["images"]),
    )


def _write_pictures(folder: Path, images: Mapping[int, Pixels]) -> tuple[Picture, ...]:
    """Scale, compress and write images by id; what was kept of each."""
    made = {number: _shrunk(image) for number, image in images.items()}
    kept: dict[int, bytes] = {}
    for quality in QUALITIES:
        kept = {number: _webp(small, quality) for number, small in made.items()}
        if sum(map(len, kept.values())) <= SAMPLE_BYTES:
            break
    found, room = [], SAMPLE_BYTES
    for number, data in kept.items():
        if (room := room - len(data)) < 0:
            break
        height, width = made[number].shape[:2]
        scale = width / images[number].shape[1]
        create_whole(folder / f"{number}.webp", data)
        found.append(Picture(number, f"{number}.webp", width, height, scale))
    return tuple(found)


def _shrunk(image: Pixels) -> Pixels:
    """An image of at most SIDE pixels a side; smaller ones as they are."""
    from PIL import Image

    height, width = image.shape[:2]
    share = SIDE / max(height, width)
    if share >= 1:
        return image
    size = max(1, round(width * share)), max(1, round(height * share))
    resized = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(resized, np.uint8)


def _webp(image: Pixels, quality: int) -> bytes:
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(image).save(data, "WEBP", quality=quality, method=4)
    return data.getvalue()
