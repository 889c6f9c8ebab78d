"""What a comparison says, as plain values: what is printed, drawn and written."""

from dataclasses import dataclass
from typing import Literal

from harness.comparing.interval import Interval

Test = Literal["permutation", "paired_t"]
Kind = Literal["files", "studies", "arms", "trials", "families"]
WORDS = {
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "ap_small": "AP small",
    "ap_medium": "AP medium",
    "ap_large": "AP large",
}
"""How figures are called."""
DOUBT = " But these files may not be comparable: see the notes."
MANY = 4
"""Of more pairs, the answer names those that are separated."""


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """One arm. figures: by metric, None where it has none (no objects of that size)."""

    name: str
    n: int
    """Networks, one a seed."""
    sources: tuple[str, ...]
    """Their files or trials."""
    figures: dict[str, Interval | None]
    by_network: tuple[dict[str, float | None], ...]
    drawn: bool
    """Whether the test images are resampled for it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """AP of `arm` minus AP of `against`, and what may be claimed of it."""

    arm: str
    against: str
    difference: float
    low: float | None
    high: float | None
    seed_se: float | None
    """Standard error of the difference from training; None where it is not known."""
    image_se: float | None
    """Standard error of the difference from the choice of test images."""
    n: tuple[int, int]
    superiority: tuple[float, float | None, float | None] | None
    """Probability that a network of `arm` scores higher than one of `against`, and interval."""
    p: float | None
    p_holm: float | None
    floor: float | None
    """The smallest p that so many seeds can reach."""
    sign_p: float | None
    sign_floor: float | None
    test: str
    words: str
    """The verdict."""

    @property
    def is_apart(self) -> bool:
        """Whether the verdict is `higher` or `lower`, be it of two networks alone."""
        return self.words.startswith(("higher", "lower"))


@dataclass(frozen=True, slots=True)
class Gap:
    """One figure, or one class's AP, of an arm minus that of the baseline. Nothing is tested."""

    arm: str
    what: str
    """A metric, or the name of a class."""
    value: float | None
    """Of the arm."""
    base: float | None
    """Of the baseline."""
    gap: Interval


@dataclass(frozen=True, slots=True)
class Differing:
    """A setting that is not the same on all sides."""

    path: str
    values: dict[str, str]
    """By side, in words."""
    effect: Literal["forbids a ranking", "confounds", "is compared"]


@dataclass(frozen=True, slots=True)
class Order:
    """Whether two profiles of a study put its arms in one order."""

    sides: tuple[str, str]
    arms: tuple[str, ...]
    means: tuple[tuple[float, ...], tuple[float, ...]]
    """Mean AP of each arm under each profile."""
    words: str
    """Rank correlation with its interval, in a sentence."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything `harness compare` knows."""

    kind: Kind
    title: str
    baseline: str
    arms: tuple[ArmFigures, ...]
    verdicts: tuple[Verdict, ...]
    """Of AP, each other arm against the baseline: one family under Holm."""
    gaps: tuple[Gap, ...]
    """The other figures."""
    classes: tuple[Gap, ...]
    """Each class, by arm, best difference first."""
    test: Test
    draws: int
    seed: int
    images: int | None
    """Test images, where they are known."""
    notes: tuple[str, ...] = ()
    """What a reader must know."""
    differs: tuple[Differing, ...] = ()
    refused: tuple[str, ...] = ()
    """Why the arms are not ranked; then there are no verdicts."""
    order: Order | None = None
    doubtful: bool = False
    """Whether notes say that files may not be comparable at all."""

    @property
    def answer(self) -> str:
        """One sentence a pair; why there is none otherwise."""
        if self.refused:
            return f"Not ranked: {'; '.join(self.refused)}."
        if not self.verdicts:
            return "Nothing is compared: it takes two arms that both have an AP."
        return f"{self._sentences}{DOUBT if self.doubtful else ''}"

    @property
    def _sentences(self) -> str:
        if len(self.verdicts) <= MANY:
            return " ".join(sentence(one) for one in self.verdicts)
        apart = [f"{v.arm} ({v.words})" for v in self.verdicts if v.is_apart]
        told = f": {', '.join(apart)}" if apart else ""
        of = f"of {len(self.verdicts)} arms {'is' if len(apart) < 2 else 'are'}"
        return f"{len(apart) or 'None'} {of} separated from {self.baseline}{told}."


def sentence(one: Verdict) -> str:
    """`bifpn minus fpn: +0.0121 AP [+0.0030, +0.0212]: higher; p 0.004 after Holm.`"""
    spread = "" if one.low is None or one.high is None else f" [{one.low:+.4f}, {one.high:+.4f}]"
    p = "" if one.p_holm is None else f"; p {p_words(one.p_holm)} after Holm"
    return f"{one.arm} minus {one.against}: {one.difference:+.4f} AP{spread}: {one.words}{p}."


def p_words(p: float) -> str:
    """`< .001`, `0.0286`, `0.30`, `1.00`."""
    if p < 0.001:
        return "< .001"
    return f"{p:.2f}" if p >= 0.1 else f"{p:.3g}"
