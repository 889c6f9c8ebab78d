"""What is wrong with a study's `ablation` section: every fault, where the section says it.

An arm changes one thing: no two parts set one field, and none is said already. Whether a network is
another one for it is seen by its digest, in the plan.
"""

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel

from harness.errors import Fault, did_you_mean
from harness.space import axes
from harness.space.ablation import RATE, AblationArm, AblationStudy
from harness.space.heads import part_names
from harness.space.study import StudySpec

SECTION = "ablation"
_ABSENT = object()


def ablation_faults(
    said: AblationStudy, spec: StudySpec, baseline: str, arms: Collection[AblationArm], listed: bool
) -> list[Fault]:
    """All faults of the section. listed: whether `matched` is written as a list."""
    return [
        *_part_faults(said, spec),
        *_swap_faults(said, spec),
        *_matched_faults(said, baseline, arms, listed),
        *_rate_faults(said, spec, arms),
        *_tune_faults(said, spec),
        *(_taken(arm) for arm in arms if arm.name in spec.arms),
    ]


def wrong_paths(said: AblationStudy, spec: StudySpec) -> frozenset[str]:
    """Paths of parts and swaps that no arm can set."""
    return frozenset(path for _, path in _paths(said) if _is_wrong(spec, path))


def _paths(said: AblationStudy) -> list[tuple[str, str]]:
    """(where, path) of everything that parts and swaps set."""
    parts = [(f"{SECTION}.parts.{name}.without", part.without) for name, part in said.parts.items()]
    swaps = [(f"{SECTION}.swaps.{name}", fields) for name, fields in said.swaps.items()]
    return [(at, path) for at, fields in [*parts, *swaps] for path in fields]


def _is_wrong(spec: StudySpec, path: str) -> str | None:
    if path in spec.vary:
        return "is an axis of `vary` too"
    return axes.unknown_path(StudySpec, path)


def _part_faults(said: AblationStudy, spec: StudySpec) -> list[Fault]:
    faults = [Fault(f"{at}.{path}", wrong) for at, path in _paths(said)
              if (wrong := _is_wrong(spec, path))]  # fmt: skip
    if not said.parts and not said.swaps:
        faults.append(Fault(SECTION, "takes nothing apart: it has neither parts nor swaps"))
    if len(said.parts) == 1 and said.ends == "both":
        [only] = said.parts
        reason = f"with {only!r} alone both ends have the same two networks: say full or base"
        faults.append(Fault(f"{SECTION}.ends", reason))
    names = list(said.parts)
    for place, name in enumerate(names):
        at, fields = f"{SECTION}.parts.{name}.without", said.parts[name].without
        if not fields or _changes_nothing(spec, fields):
            what = "is what the study says already" if fields else "is empty"
            faults.append(Fault(at, f"{what}: taking the part out changes nothing"))
        for path in fields:
            other = _owner(said, names[:place], path)
            if other is not None:
                reason = f"part {other!r} sets it too: an arm changes one thing"
                faults.append(Fault(f"{at}.{path}", reason))
    return faults


def _swap_faults(said: AblationStudy, spec: StudySpec) -> list[Fault]:
    faults = []
    for name, fields in said.swaps.items():
        if not fields or _changes_nothing(spec, fields):
            what = "is what the study says already" if fields else "is empty"
            reason = f"{what}: the swap changes nothing"
            faults.append(Fault(f"{SECTION}.swaps.{name}", reason))
        owners = dict.fromkeys(_owner(said, list(said.parts), path) for path in fields)
        touched = [repr(owner) for owner in owners if owner is not None]
        if len(touched) > 1:
            reason = f"sets what parts {' and '.join(touched)} set: an arm changes one thing"
            faults.append(Fault(f"{SECTION}.swaps.{name}", reason))
    return faults


def _owner(said: AblationStudy, parts: Collection[str], path: str) -> str | None:
    """The part that sets a path, something in it, or something around it."""
    for name in parts:
        for own in said.parts[name].without:
            if own == path or own.startswith(f"{path}.") or path.startswith(f"{own}."):
                return name
    return None


def _changes_nothing(spec: StudySpec, fields: Mapping[str, Any]) -> bool:
    """Whether every value is what the study has. What it leaves to the topology is not known here:
    that the network is another is seen by its digest, in the plan."""
    return all(_has(spec, path, value) for path, value in fields.items())


def _has(spec: StudySpec, path: str, value: Any) -> bool:
    current: Any = spec
    for step in axes.split(path):
        if isinstance(current, BaseModel):
            there = type(current).model_fields.keys() | (current.model_extra or {}).keys()
            current = getattr(current, str(step)) if step in there else _ABSENT
        else:
            current = current.get(step, _ABSENT) if isinstance(current, dict) else _ABSENT
    plain = current.model_dump(mode="json") if isinstance(current, BaseModel) else current
    plain = list(plain) if isinstance(plain, tuple) else plain
    return type(plain) is type(value) and bool(plain == value)


def _matched_faults(
    said: AblationStudy, baseline: str, arms: Collection[AblationArm], is_list: bool
) -> list[Fault]:
    """Arms and a part that are not there; an arm matched to itself."""
    matching = said.matched
    if matching is None:
        return []
    names = [arm.name for arm in arms if arm.kind != "matched"]
    widened, faults = matching.widen or baseline, []
    listed = matching.arms or ()
    at = f"{SECTION}.matched" if is_list else f"{SECTION}.matched.arms"
    for i, name in enumerate(listed):
        if name not in names:
            faults.append(Fault(f"{at}.{i}", f"no arm {name!r}{did_you_mean(name, names)}"))
        elif name == widened:
            faults.append(Fault(f"{at}.{i}", f"{name!r} is the arm that is widened"))
    if widened not in names:
        where = f"{SECTION}.matched.widen" if matching.widen else f"{SECTION}.matched"
        reason = f"no arm {widened!r} of the ablation{did_you_mean(widened, names)}"
        faults.append(Fault(where, reason))
    if matching.part is not None and matching.part not in part_names():
        reason = f"no part {matching.part!r}{did_you_mean(matching.part, part_names())}"
        faults.append(Fault(f"{SECTION}.matched.part", reason))
    return faults


def _rate_faults(
    said: AblationStudy, spec: StudySpec, arms: Collection[AblationArm]
) -> list[Fault]:
    there, faults = {arm.name: arm for arm in arms}, []
    for name in said.rates:
        at = f"{SECTION}.rates.{name}"
        if name not in there:
            faults.append(Fault(at, f"no arm {name!r}{did_you_mean(name, there)}"))
        elif RATE in there[name].fields:
            faults.append(Fault(at, f"the arm sets {RATE} itself"))
        elif RATE in said.tune or RATE in spec.vary:
            faults.append(Fault(at, f"{RATE} is an axis: every arm has all its values"))
    return faults


def _tune_faults(said: AblationStudy, spec: StudySpec) -> list[Fault]:
    if not said.tune:
        return []
    if len(said.tune) > 1:
        return [Fault(f"{SECTION}.tune", f"should be one axis, not {len(said.tune)}")]
    [(path, values)] = said.tune.items()
    at, reason = f"{SECTION}.tune.{path}", _is_wrong(spec, path)
    if reason is None and len(values) < 2:
        reason = "should have two values or more to choose the best of"
    if reason is None and (owner := _owner(said, list(said.parts), path)) is not None:
        reason = f"part {owner!r} sets it too: an arm changes one thing"
    if reason is None and spec.report.tuned not in (None, path):
        reason = f"report.tuned is {spec.report.tuned} already"
    return [Fault(at, reason)] if reason else []


def _taken(arm: AblationArm) -> Fault:
    return Fault(f"arms.{arm.name}", "is an arm of `ablation` too")
