"""Draws detections over images as SVG. Each image is in the page once, and used by every panel."""

from collections.abc import Sequence
from html import escape

from harness.report.pictures import Box, Panel, PicturesInfo, Shown, data_uri
from harness.report.style import colours

DASHES = {"object": "", "hit": "", "crowd": "1 3", "false": "5 3", "missed": "1.2 2.6"}
WORDS = {
    "object": "object",
    "crowd": "crowd",
    "hit": "hit",
    "false": "false positive",
    "missed": "missed",
}


def draw_images(info: PicturesInfo) -> str:
    """The images of the section, to be used by name; nothing of it shows."""
    made = [
        f'<image id="{_name(one)}" width="{one.width}" height="{one.height}" '
        f'href="{data_uri(one.data)}"/>'
        for one in info.shown
    ]
    hidden = 'class="store" width="0" height="0" aria-hidden="true" focusable="false"'
    return f"<svg {hidden}><defs>{''.join(made)}</defs></svg>"


def draw_truth(info: PicturesInfo, one: Shown) -> str:
    """An image with its objects."""
    words = _counted([info.categories[box.category] for box in one.truth if box.what == "object"])
    return _picture(info, one, one.truth, f"Image {one.image}, truth: {words or 'no objects'}")


def draw_panel(info: PicturesInfo, one: Shown, arm: str, panel: Panel) -> str:
    """An image with what an arm found, and the objects it did not."""
    return _picture(info, one, panel.boxes, f"Image {one.image}, {arm}: {panel_words(panel)}")


def panel_words(panel: Panel) -> str:
    """`5 hits, 1 false positive, 2 missed`."""
    hits = f"{panel.hits} hit{'' if panel.hits == 1 else 's'}"
    false = f"{panel.false} false positive{'' if panel.false == 1 else 's'}"
    return f"{hits}, {false}, {panel.missed} missed"


def class_colours(info: PicturesInfo) -> dict[str, str]:
    """By name, of the classes that the section shows; colours come again after eight classes."""
    palette = colours(len(info.categories))
    boxes = [box for one in info.shown for box in one.truth]
    boxes += [box for one in info.shown for panel in one.panels for box in panel.boxes]
    return {info.categories[k]: palette[k] for k in sorted({box.category for box in boxes})}


def _picture(info: PicturesInfo, one: Shown, boxes: Sequence[Box], title: str) -> str:
    palette = colours(len(info.categories))
    body = "".join(_rectangle(box, palette[box.category], info) for box in _by_size(boxes))
    return (
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {one.width} {one.height}">'
        f'<use href="#{_name(one)}"/>{body}</svg>'
    )


def _by_size(boxes: Sequence[Box]) -> list[Box]:
    """Small boxes last, so that they can be pointed at."""
    return sorted(boxes, key=lambda one: -(one.box[2] - one.box[0]) * (one.box[3] - one.box[1]))


def _rectangle(box: Box, colour: str, info: PicturesInfo) -> str:
    """A box with its words, over a white one that keeps it apart from the image."""
    x0, y0, x1, y1 = box.box
    place = f'x="{x0:g}" y="{y0:g}" width="{max(x1 - x0, 0.1):g}" height="{max(y1 - y0, 0.1):g}"'
    dash = f' stroke-dasharray="{DASHES[box.what]}"' if DASHES[box.what] else ""
    score = "" if box.score is None else f" {box.score:.2f}"
    words = escape(f"{info.categories[box.category]}{score}, {WORDS[box.what]}")
    return (
        f'<g><title>{words}</title><rect {place}{dash} class="under"/>'
        f'<rect {place} stroke="{colour}"{dash}/></g>'
    )


def _counted(names: Sequence[str]) -> str:
    return ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))


def _name(one: Shown) -> str:
    return f"image-{one.image}"
