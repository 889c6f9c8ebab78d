"""A study's ablation as plain data: what each arm changes, and how near matched arms come."""

from collections.abc import Iterable, Mapping
from typing import Any

from harness.search import short_names, wording
from harness.space.ablation import AblationArm, AblationStudy, ablation_arms
from harness.space.model import ModelSpec
from harness.space.study import StudySpec
from harness.studies import Cell


def ablation_data(spec: StudySpec, rows: Iterable[tuple[Cell, ModelSpec]]) -> dict[str, Any] | None:
    """What the plan shows and `results/` keeps for the report; None where nothing is taken apart.

    rows: every cell with its model. Of a matched arm, `off` is how much more it costs than the arm
    that it is matched to, as a share of that one's multiply-adds.
    """
    said = spec.ablation
    if said is None:
        return None
    arms = ablation_arms(said, spec.baseline)
    part = said.matched.part if said.matched else None
    return {
        "ends": said.ends,
        "parts": list(said.parts),
        "part": part,
        "arms": [_arm(said, arm) for arm in arms],
        "matched": _matched([arm for arm in arms if arm.kind == "matched"], list(rows), part),
    }


def _arm(said: AblationStudy, arm: AblationArm) -> dict[str, Any]:
    changed = said.fields_without(arm.what) if arm.kind == "added" else arm.fields
    return {
        "name": arm.name,
        "kind": arm.kind,
        "against": arm.against,
        "what": arm.what,
        "changes": arm.changes,
        "settings": _settings(arm, changed),
    }


def _settings(arm: AblationArm, changed: Mapping[str, Any]) -> str:
    """What it is done by, in words; where full's own settings come back, which."""
    short = short_names(tuple(changed))
    if arm.kind == "added":
        return f"as full in {', '.join(short.values())}"
    if arm.kind in ("end", "matched"):
        return ""
    return ", ".join(f"{short[path]} {wording(value) or 'none'}" for path, value in changed.items())


def _matched(
    arms: list[AblationArm], rows: list[tuple[Cell, ModelSpec]], part: str | None
) -> list[dict[str, Any]]:
    """One entry for each matched arm at each choice on the axes."""
    first: dict[tuple[str, str], tuple[Cell, ModelSpec]] = {}
    for cell, model in rows:
        first.setdefault((cell.arm, repr(cell.choice)), (cell, model))
    found = []
    for arm in arms:
        for (name, choice), (cell, model) in first.items():
            other = first.get((arm.against or "", choice))
            if name == arm.name and other is not None:
                macs, target = _macs(cell, part), _macs(other[0], part)
                found.append(
                    {
                        "arm": arm.name,
                        "to": arm.against,
                        "choice": dict(cell.choice),
                        "width": model.feature_network.width,
                        "macs": macs,
                        "target": target,
                        "off": (off := macs / target - 1 if target else 0.0),
                        "words": _match(model.feature_network.width, off),
                    }
                )
    return found


def _match(width: int, off: float) -> str:
    """`width 23, costs 0.2% less`."""
    how = f"{abs(off):.1%} {'more' if off > 0 else 'less'}" if round(abs(off), 3) else "the same"
    return f"width {width}, costs {how}"


def _macs(cell: Cell, part: str | None) -> int:
    if part is None:
        return cell.macs or 0
    return cell.parts[part].macs if part in cell.parts else 0
