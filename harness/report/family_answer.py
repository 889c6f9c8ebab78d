"""What families at equal cost come to: which to use, how sure that is, what would settle it."""

from harness.plurals import many
from harness.report.families import FamiliesInfo, is_same
from harness.report.wordings import either, gap_words, range_of
from harness.statistics.contrasts import Contrast

FEWEST = 6
"""Pairs of seeds below which an exact sign-flip test cannot reach .05."""


def family_answer(info: FamiliesInfo) -> str:
    """Two or three sentences that claim no more than the seeds carry."""
    if info.common is None or len(info.held) < 2:
        return (
            f"The families by {info.short} share no range of costs with results, so none compare."
        )
    if not info.gaps:
        return (
            f"The families by {info.short} share no seed, and are compared seed by seed, so none "
            "compare."
        )
    if not any(gap.separated for gap in info.gaps):
        return _undecided(info)
    beaten = [one.name for one in info.held if one.name not in info.level]
    top = info.held[0]
    rest = " ".join(_rest(info))
    if not beaten:
        said = (
            f"At equal cost ({_over(info)}) {info.short} {top.name} has the highest mean AP, "
            f"{top.height}, and is separated from none."
        )
        return f"{said} {rest}".rstrip()
    return f"Use {info.short} {either(info.level)}. {_above(info, beaten)} {rest}".rstrip()


def _above(info: FamiliesInfo, beaten: list[str]) -> str:
    """By how much the highest is above those it is separated from, the next one first."""
    top, following = info.held[0].name, beaten[0]
    gap = _gap(info, top, following)
    further = f", and above {', '.join(beaten[1:])} too" if beaten[1:] else ""
    return (
        f"At equal cost (AP averaged along each curve, {_over(info)}; {_seeds(info)}) {top} is "
        f"{_size(gap)} above {following}, the next{further}."
    )


def _rest(info: FamiliesInfo) -> list[str]:
    """What the highest is not separated from, and what would settle that."""
    top, *rest = info.level
    said, waiting = [], []
    for name in rest:
        gap = _gap(info, top, name)
        if gap is not None and is_same(gap):
            said.append(f"{name} has the same networks there{_apart(info, top, name)}.")
        else:
            needs = gap.needs_words if gap else ""
            waiting.append(f"{name} (needs {needs})" if needs else name)
    return [*said, f"Not separated from {top}: {', '.join(waiting)}."] if waiting else said


def _apart(info: FamiliesInfo, top: str, name: str) -> str:
    """Where two families of the same networks are not the same."""
    found = [one for one in info.beyond if {one.gap.arm, one.gap.against} == {top, name}]
    return f"; {_at(found[0].gap, found[0].place)}" if found else ""


def _at(gap: Contrast, place: str) -> str:
    return f"at {place}, {gap.arm} minus {gap.against} is {gap_words(gap)}"


def _undecided(info: FamiliesInfo) -> str:
    means = [one.height.mean for one in info.held if one.height]
    said = (
        f"At equal cost no {info.short} is separated from another ({_seeds(info)}): {_over(info)} "
        f"the families' mean APs lie within {max(means) - min(means):.3f} of each other"
    )
    widest = info.widest
    if widest is None:
        return f"{said}. {_settles(info)}"
    reach = max(abs(widest.low or 0.0), abs(widest.high or 0.0))
    return f"{said}, and gaps up to {reach:.3f} are not excluded. {_settles(info)}"


def _settles(info: FamiliesInfo) -> str:
    """What would settle it: how many seeds, by the two families furthest apart."""
    top, last = info.held[0].name, info.held[-1].name
    gap = _gap(info, top, last)
    if gap is not None and is_same(gap):
        return f"{top} and {last} have the same AP, seed by seed{_apart(info, top, last)}."
    if max(len(one.curves) for one in info.held) < FEWEST:
        return "At least six seeds a network are needed before any two could be parted."
    about = (gap.needs_words if gap else "") or "more seeds that both have"
    return f"To part {top} from {last} by the gap they show takes {about}."


def _gap(info: FamiliesInfo, one: str, other: str) -> Contrast | None:
    return next((gap for gap in info.gaps if {gap.arm, gap.against} == {one, other}), None)


def _size(gap: Contrast | None) -> str:
    """Of a gap that is separated, with its interval; without its sign."""
    if gap is None:
        return "–"
    ends = sorted(abs(end) for end in (gap.low, gap.high) if end is not None)
    held = f" [{ends[0]:.3f}, {ends[1]:.3f}]" if len(ends) == 2 else ""
    return f"{abs(gap.difference):.3f} AP{held}"


def _over(info: FamiliesInfo) -> str:
    low, high = info.common or (1e9, 1e9)
    return f"over {range_of(low / 1e9, high / 1e9)} GFLOPs"


def _seeds(info: FamiliesInfo) -> str:
    seeds = sorted({len(family.curves) for family in info.held})
    if len(seeds) == 1:
        return f"n={many(seeds[0], 'seed')}"
    return f"n={seeds[0]} to {seeds[-1]} seeds"
