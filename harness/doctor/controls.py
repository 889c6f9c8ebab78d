"""The two controls on results at hand: one where nothing is to be found, one where something is.

`aa.yaml` is one network under two names; `control.yaml` is BiFPN beside `lateral`, which has its
depth and parameters and no edge between levels.
"""

from harness.doctor.at_hand import AtHand, at_hand
from harness.doctor.finding import Finding, Setting
from harness.plurals import many
from harness.report.arms import contrast_of
from harness.statistics.contrasts import Contrast
from harness.statistics.estimates import LEVEL
from harness.statistics.samples import Sample, minus

HOW = "`harness doctor --controls` trains what is missing"
CONTEXT, NOTHING = "ap_by_need.context", "ap_by_need.none"


def no_difference(setting: Setting) -> Finding:
    """One network under two names, with seeds that no two share: it must come out not separated.

    At the 5% level a right test fails this one time in twenty.
    """
    found = at_hand(setting.results, "aa", ("one", "same"))
    if isinstance(found, str):
        return Finding.not_run(f"{found}; {HOW}")
    test = found.contrast("same", "one")
    if test.floor > LEVEL:
        return Finding.not_run(f"{found.place}: {too_few(test)}")
    said = f"one network under two names: AP {words(test)}, {over(test)}; {found.place}"
    return Finding.of(not test.separated, said, **figures(test), place=found.place)


def found_control(setting: Setting) -> Finding:
    """BiFPN is above `lateral` where context is needed, and by more than where nothing is."""
    found = at_hand(setting.results, "control", ("bifpn", "fpn", "lateral"))
    if isinstance(found, str):
        return Finding.not_run(f"{found}; {HOW}")
    if CONTEXT not in found.cells or NOTHING not in found.cells:
        return Finding.not_run(f"{found.place}: its data do not say what classes need")
    context, nothing = (found.contrast("bifpn", "lateral", need) for need in (CONTEXT, NOTHING))
    if context.floor > LEVEL:
        return Finding.not_run(f"{found.place}: {too_few(context)}")
    fpn = found.contrast("fpn", "lateral", CONTEXT)
    more = gap(found, "bifpn", "lateral")
    held = all(one.separated and one.difference > 0 for one in (context, more))
    said = (
        f"BiFPN against lateral where context is needed {words(context)}; where nothing is "
        f"{words(nothing)}; the first gap less the second {words(more)}. FPN against lateral "
        f"where context is needed {words(fpn)}. Intervals {over(context)}; {found.place}"
    )
    return Finding.of(
        held,
        said,
        context=figures(context),
        nothing=figures(nothing),
        more=figures(more),
        fpn_context=figures(fpn),
        place=found.place,
    )


def too_few(test: Contrast) -> str:
    """Why seeds say nothing either way."""
    return f"{many(min(test.n), 'seed')} an arm can part nothing, whatever there is"


def gap(found: AtHand, arm: str, against: str) -> Contrast:
    """By how much two arms differ more where context is needed than where nothing is.

    Of each seed's network AP where context is needed, less AP where nothing is: these are compared.
    """

    def apart(name: str) -> Sample:
        return minus(found.sample(name, CONTEXT), found.sample(name, NOTHING))

    return contrast_of(apart(arm), apart(against), arm, against)


def over(test: Contrast) -> str:
    """What an interval is over."""
    return f"over {test.sources}" if test.sources else "without an interval"


def words(test: Contrast) -> str:
    """A difference with its interval and verdict."""
    held = "" if test.low is None else f" [{test.low:+.3f}, {test.high:+.3f}]"
    p = "" if test.p is None else f", p {test.p:.2g}"
    seeds = f"n={test.n[0]}" if test.n[0] == test.n[1] else "n={} and {}".format(*test.n)
    verdict = test.verdict.partition(" (")[0]
    return f"{test.difference:+.3f}{held} ({seeds}{p}): {verdict}"


def figures(test: Contrast) -> dict[str, object]:
    return {
        "difference": test.difference,
        "low": test.low,
        "high": test.high,
        "n": list(test.n),
        "p": test.p,
        "verdict": test.verdict,
    }
