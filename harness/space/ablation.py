"""What a study takes apart: parts, what each changes when it is taken out, and the arms of it.

`full` is what the study says, `base` is it without any part. From full each arm takes one part
out, from base each adds one; a swap exchanges one thing of full. `harness.space.arms` makes the
arms of a study of this, with every fault of it; here is what the section says and which arms it
names, so that plan, gate and report read one list.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from harness.space.base import Frozen
from harness.space.compound import Positive
from harness.space.model import Count

FULL, BASE = "full", "base"
RATE = "recipe.optimizer.learning_rate"
"""The setting that a change of the network most often asks to be tuned again."""

Kind = Literal["end", "removed", "added", "swapped", "matched"]


class PartStudy(Frozen):
    """One thing that can be there or not."""

    without: dict[str, Any]
    """What the study changes to when the part is taken out: values by dotted path."""


class MatchedStudy(Frozen):
    """Controls of equal cost: one arm, made wider or narrower to cost what another does."""

    arms: tuple[str, ...] | None = None
    """The arms to be matched; None is every one."""
    widen: str | None = None
    """The arm whose width is changed; None is the baseline."""
    part: str | None = None
    """The part whose multiply-adds are matched; None is the whole model's."""
    multiple: Count = 1
    """Widths tried are multiples of it, in channels."""


def _longest(said: Any) -> Any:
    """`true` is every arm, `false` none, a list those arms."""
    if isinstance(said, bool):
        return {} if said else None
    said = {"arms": said} if isinstance(said, list | tuple) else said
    if isinstance(said, dict) and isinstance(said.get("arms"), list):
        return {**said, "arms": tuple(said["arms"])}
    if not isinstance(said, dict | MatchedStudy | None):
        raise ValueError("should be true, a list of arms, or a mapping")
    return said


Matched = Annotated[
    MatchedStudy | None,
    BeforeValidator(_longest, json_schema_input_type=bool | tuple[str, ...] | MatchedStudy),
]


class AblationStudy(Frozen):
    """The `ablation` section of a study."""

    parts: dict[str, PartStudy] = Field(default_factory=dict)
    swaps: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """One thing exchanged for another, by name: values by dotted path, laid over full."""
    ends: Literal["both", "full", "base"] = "both"
    """Where arms start: parts are removed from full, added to base, or both."""
    matched: Matched = None
    """Controls of equal cost: true, arms, or which arm is widened to which."""
    tune: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    """One axis inside every arm, at whose best value the arm is shown."""
    rates: dict[str, Positive] = Field(default_factory=dict)
    """The learning rate of an arm, by its name."""

    def fields_without(self, *parts: str) -> dict[str, Any]:
        """What is changed where these parts are taken out."""
        return {path: value for part in parts for path, value in self.parts[part].without.items()}


@dataclass(frozen=True, slots=True)
class AblationArm:
    """One arm of an ablation."""

    name: str
    kind: Kind
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What it says over the study, by dotted path. A matched arm's width comes when it is bound."""
    against: str | None = None
    """The arm that it changes one thing of; of a matched arm the one it costs as much as."""
    what: str = ""
    """The part or swap; of a matched arm, the arm whose width is changed."""

    @property
    def changes(self) -> str:
        """What is done, in words."""
        return {
            "end": "every part" if self.name == FULL else "no part",
            "removed": f"without {self.what}",
            "added": f"with {self.what}",
            "swapped": self.what,
            "matched": f"{self.what} at equal cost",
        }[self.kind]


def default_baseline(said: AblationStudy) -> str:
    """The arm that the others are compared with where the study names none."""
    return BASE if said.ends == "base" and said.parts else FULL


def ablation_arms(said: AblationStudy, baseline: str | None = None) -> tuple[AblationArm, ...]:
    """Every arm, in the order in which a study has them: full, base, removed, added, swapped,
    matched."""
    ends = [end for end in (FULL, BASE) if said.ends in ("both", end) and said.parts]
    if said.swaps and FULL not in ends:
        ends = [FULL, *ends]
    none = said.fields_without(*said.parts)
    arms = [AblationArm(end, "end", none if end == BASE else {}) for end in ends]
    for part in said.parts if said.ends != "base" else ():
        fields = said.fields_without(part)
        arms.append(AblationArm(f"{FULL} - {part}", "removed", fields, FULL, part))
    for part in said.parts if said.ends != "full" else ():
        fields = said.fields_without(*(other for other in said.parts if other != part))
        arms.append(AblationArm(f"{BASE} + {part}", "added", fields, BASE, part))
    arms += [AblationArm(f"{FULL}, {n}", "swapped", f, FULL, n) for n, f in said.swaps.items()]
    return (*arms, *_matched(said, arms, baseline or default_baseline(said)))


def _matched(
    said: AblationStudy, arms: list[AblationArm], baseline: str
) -> tuple[AblationArm, ...]:
    """The controls that are asked for, of arms that there are."""
    matching = said.matched
    there = {arm.name: arm for arm in arms}
    widened = there.get((matching.widen if matching else None) or baseline)
    if matching is None or widened is None:
        return ()
    wanted = tuple(there) if matching.arms is None else matching.arms
    return tuple(
        AblationArm(f"{widened.name}, matched to {to}", "matched", widened.fields, to, widened.name)
        for to in wanted
        if to in there and to != widened.name
    )
