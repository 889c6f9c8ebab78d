"""Matched-cost controls: an arm made as wide, or as narrow, as makes it cost what another does.

A part that is taken out makes a network cheaper, and a cheaper network may be worse for that
alone. The control costs the same without the part: its feature network's width (and that of heads
tied to it) is the whole number of channels, or the multiple that is asked for, whose closed-form
multiply-adds are nearest to the other arm's; of two as near, the narrower.
"""

import json
from collections.abc import Callable

from harness.errors import Fault, SpecError
from harness.records import Cost
from harness.space.ablation import AblationArm, MatchedStudy, ablation_arms
from harness.space.choice import Choice
from harness.space.study import Study
from harness.space.validate import located

WIDTH = "model.feature_network.width"
RULE = "model.compound.width"
WIDEST = 2**16
"""In channels. Where this costs less than what is to be matched, width is not what costs."""

PriceOf = Callable[[Choice], Cost]


def at_matched_width(study: Study, choice: Choice, price_of: PriceOf) -> Choice:
    """The choice with its arm's width found; as it is where its arm is no matched one."""
    said = study.spec.ablation
    if said is None or said.matched is None:
        return choice
    arms = {arm.name: arm for arm in ablation_arms(said, study.spec.baseline)}
    arm = arms.get(choice.arm)
    if arm is None or arm.kind != "matched" or arm.against is None or WIDTH in choice.fields:
        return choice
    reason = _governed(study, arm, choice)
    if reason is not None:
        raise _fault(study, reason)
    width = _found(study, arm, arm.against, said.matched, choice, price_of)
    return Choice(choice.arm, {**choice.fields, WIDTH: width}, choice.values)


def nearest_width(cost: Callable[[int], int], target: int, multiple: int = 1) -> int:
    """The multiple whose cost is nearest to the target; cost may not fall as width grows.

    By bisection: about 2 log2(width) costs are asked for. A bare `SpecError` where no width under
    `WIDEST` costs as much.
    """
    low = high = 1
    while cost(high * multiple) < target:
        low, high = high, 2 * high
        if high * multiple > WIDEST:
            raise SpecError(f"no width up to {WIDEST:,} costs {target:,} multiply-adds")
    while high - low > 1:
        middle = (low + high) // 2
        if cost(middle * multiple) < target:
            low = middle
        else:
            high = middle
    over, under = cost(high * multiple) - target, target - cost(low * multiple)
    return (high if over < abs(under) else low) * multiple


def macs_of(cost: Cost, part: str | None) -> int:
    """Multiply-adds of a part (0 where there is none), or of the whole model."""
    if part is None:
        return cost.macs
    held = cost.parts.get(part)
    return held.macs if held is not None else 0


def _found(
    study: Study,
    arm: AblationArm,
    to: str,
    matching: MatchedStudy,
    choice: Choice,
    price_of: PriceOf,
) -> int:
    """The width of a matched arm at a choice's values of the axes; each is searched for once."""

    def at(width: int) -> int:
        fields = {**choice.fields, WIDTH: width}
        try:
            return macs_of(price_of(Choice(arm.what, fields, choice.values)), matching.part)
        except SpecError as error:
            why = error.faults[0].message
            reason = f"{arm.name!r}: width {width} does not fit ({why}); say another `multiple`"
            raise _fault(study, reason) from None

    other = Choice(to, study.spec.arms.get(to, {}), choice.values)
    target = macs_of(price_of(other), matching.part)
    tree = json.dumps([study.placed.tree, choice.fields, choice.values], default=repr)
    key = (tree, arm.name, target, at(matching.multiple))
    if key not in _WIDTHS:
        try:
            _WIDTHS[key] = nearest_width(at, target, matching.multiple)
        except SpecError as error:
            if error.faults[0].path:
                raise
            raise _fault(study, f"{arm.name!r}: {error.faults[0].message}") from None
    return _WIDTHS[key]


_WIDTHS: dict[tuple[str, str, int, int], int] = {}
"""By study, choice and arm, and by what two networks cost, which the data's classes enter."""


def _governed(study: Study, arm: AblationArm, choice: Choice) -> str | None:
    """Why the width is not free to be changed, or None."""
    if WIDTH in choice.values:
        return f"{arm.name!r}: {WIDTH} is an axis, so it cannot be changed to match"
    compound = study.spec.model.compound
    said = {**choice.fields, **choice.values}
    of_arm = any(path == RULE or path.startswith(f"{RULE}.") for path in said)
    if (compound is not None and compound.width is not None) or of_arm:
        return (
            f"{arm.name!r}: the width is the compound rule's ({RULE}), so it cannot be changed "
            f"to match; say {WIDTH} instead of the rule"
        )
    return None


def _fault(study: Study, reason: str) -> SpecError:
    return SpecError(located(study.placed, [Fault("ablation.matched", reason)]))
