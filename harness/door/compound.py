"""`harness cost --compound phi=2.5 width_factor=1.25`: a detector of any coefficient and factor.

The rules are those of `model.compound` in studies, with the paper's numbers where none is said.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.door.describe import model_document
from harness.errors import Fault, SpecError, did_you_mean
from harness.space.complete import complete_model, scaled
from harness.space.compound import PAPER, Compound, LinearRule, WidthRule
from harness.space.family import MEMBERS, NUM_CLASSES, RATIOS
from harness.space.model import AnchorSpec, ModelSpec
from harness.space.rounding import ROUNDINGS, rounding_words
from harness.space.study import BackboneStudy, HeadStudy, ModelStudy, NetworkStudy

LIMITS = {
    "width": (1, 65_536),
    "repeats": (1, 256),
    "head_depth": (1, 256),
    "image_size": (32, 65_536),
}
"""Beyond these is a slip of the hand."""


class Key(NamedTuple):
    """One word of the command: the field it sets, how its text is read, and what it should be."""

    field: str
    read: Callable[[str], Any]
    wanted: str


def _number(least: float, most: float = 65_536) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and least <= value <= most):
            raise ValueError(text)
        return value

    return read


def _whole(least: int) -> Callable[[str], int]:
    return lambda text: int(_number(least)(str(int(text))))


def _rounding(text: str) -> str | dict[str, int]:
    return {"multiple": _whole(1)(text)} if text.isdecimal() else _one_of_roundings(text)


def _one_of_roundings(text: str) -> str:
    if text not in ROUNDINGS:
        raise SpecError(f"no rounding {text!r}{did_you_mean(text, ROUNDINGS)}")
    return text


SLOPE = (_number(0), "a number, 0 or more")
COUNT = (_whole(0), "a whole number, 0 or more")
KEYS = {
    "phi": Key("coefficient", _number(0, 100), "a number from 0 to 100"),
    "width_base": Key("width.base", _number(1), "a number, 1 or more"),
    "width_factor": Key("width.factor", _number(0.01, 100), "a number from 0.01 to 100"),
    "rounding": Key("width.rounding", _rounding, f"one of {', '.join(ROUNDINGS)}, or a multiple"),
    "repeats_base": Key("repeats.base", *COUNT),
    "repeats_slope": Key("repeats.slope", *SLOPE),
    "head_base": Key("head_depth.base", *COUNT),
    "head_slope": Key("head_depth.slope", *SLOPE),
    "image_base": Key("image_size.base", *COUNT),
    "image_slope": Key("image_size.slope", *SLOPE),
    "image_multiple": Key("image_size.multiple", _whole(1), "a whole number, 1 or more"),
    "topology": Key("topology", str, "the name of a topology"),
}


def compound_document(words: Sequence[str]) -> dict[str, Any]:
    """The document of `harness cost --compound`: as of any model, and how its sizes came about.

    words: `key=value` each. A `SpecError` has every fault of them, with the nearest key.
    """
    said = read_words(words)
    topology = said.pop("topology", "bifpn")
    rule = _ruled(said)
    sizes = _sizes(rule)
    model = _model(rule, topology)
    others = [word for word in words if not word.startswith("phi=")]
    name = " ".join(["compound", f"phi={rule.coefficient:g}", *others])
    document = model_document(name, model)
    return {**document, "compound": {"topology": topology, "sizes": sizes}}


def one_name(words: Sequence[str]) -> str:
    """The name that `harness cost` is asked for without `--compound`."""
    if not words:
        raise SpecError("cost of what? A model, a topology, or --compound phi=2.5")
    if coefficients := [word for word in words if "=" in word]:
        raise SpecError(f"{coefficients[0]}: coefficients go with --compound")
    if len(words) > 1:
        raise SpecError(f"{words[1]}: one name at a time")
    return words[0]


def read_words(words: Sequence[str]) -> dict[str, Any]:
    """Values by the field that they set."""
    found: dict[str, Any] = {}
    faults = []
    for word in words:
        key, equals, text = word.partition("=")
        try:
            if not equals:
                raise SpecError("should be like phi=2.5")
            if key not in KEYS:
                raise SpecError(f"no {key!r}{did_you_mean(key, KEYS)}")
            if KEYS[key].field in found:
                raise SpecError(f"{key} is there twice")
            found[KEYS[key].field] = KEYS[key].read(text)
        except SpecError as error:
            faults += [Fault("", f"--compound {word}: {one.message}") for one in error.faults]
        except ValueError:
            faults.append(Fault("", f"--compound {word}: should be {KEYS[key].wanted}"))
    if faults:
        raise SpecError(faults)
    return found


def _ruled(said: dict[str, Any]) -> Compound:
    """The paper's rules with what is said laid over."""
    tree = PAPER.model_dump()
    for field, value in said.items():
        part, _, leaf = field.partition(".")
        (tree[part] if leaf else tree)[leaf or part] = value
    return Compound.model_validate(tree)


def _model(rule: Compound, topology: str) -> ModelSpec:
    study = ModelStudy(
        backbone=BackboneStudy(name=rule.backbone_name() or ""),
        feature_network=NetworkStudy(topology=topology),
        head=HeadStudy(anchors=AnchorSpec(ratios=RATIOS)),
        compound=rule,
    )
    return complete_model(scaled(study), NUM_CLASSES, None, Path())


def _sizes(rule: Compound) -> list[dict[str, Any]]:
    """What the rule makes of the coefficient, a row a size, beside the table's where it has it."""
    phi, width = rule.coefficient, rule.width or WidthRule()
    lines = {"repeats": rule.repeats, "head_depth": rule.head_depth, "image_size": rule.image_size}
    rows = [_width(width, phi), *(_line(name, one, phi) for name, one in lines.items() if one)]
    if faults := [fault for row in rows for fault in _beyond(row)]:
        raise SpecError(faults)
    table = next((one for one in MEMBERS if one.coefficient == phi), None)
    rows.append(_backbone(rule))
    return [row | {"published": getattr(table, row["size"], None)} for row in rows]


def _width(rule: WidthRule, phi: float) -> dict[str, Any]:
    words = f"{rule.base:g} x {rule.factor:g}^{phi:g}"
    name = rule.rounding if isinstance(rule.rounding, str) else "multiple"
    how = f"{name}: {rounding_words(rule.rounding)}"
    words += f" = {round(rule.exact(phi), 2):,g}"
    return {"size": "width", "value": rule.at(phi), "rule": words, "how": how}


def _line(name: str, rule: LinearRule, phi: float) -> dict[str, Any]:
    slope = "1/3" if rule.slope == 1 / 3 else f"{rule.slope:g}"
    words = f"{rule.base} + floor({slope} x {phi:g}) = {rule.exact(phi)}"
    how = f"to the nearest multiple of {rule.multiple}" if rule.multiple > 1 else ""
    return {"size": name, "value": rule.at(phi), "rule": words, "how": how}


def _beyond(row: dict[str, Any]) -> list[Fault]:
    least, most = LIMITS[row["size"]]
    if least <= row["value"] <= most:
        return []
    return [Fault("", f"--compound: {row['size']} {row['rule']} should be from {least} to {most}")]


def _backbone(rule: Compound) -> dict[str, Any]:
    phi, last = rule.coefficient, len(rule.backbone or ()) - 1
    how = "of the whole part of phi" if phi != int(phi) else ""
    how = f"there is none beyond B{last}" if phi >= last + 1 else how
    words = f"B{min(int(phi), last)}"
    return {"size": "backbone", "value": rule.backbone_name(), "rule": words, "how": how}


def size_lines(document: dict[str, Any]) -> list[str]:
    """How the sizes of `--compound` came about, a line each; none of another document."""
    lines = []
    for row in document.get("compound", {}).get("sizes", ()):
        line = f"{row['size']} {row['value']}: {row['rule']}"
        line += f", {row['how']}" if row["how"] else ""
        is_other = row["published"] not in (None, row["value"])
        lines.append(line + (f" (published: {row['published']})" if is_other else ""))
    return lines
