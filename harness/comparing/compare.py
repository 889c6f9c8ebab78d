"""Arms -> `Comparison`: every other arm against the baseline, by the report's own statistics."""

from collections.abc import Iterator, Sequence

from harness.comparing.comparison import ArmFigures, Comparison, Differing, Gap, Kind, Order, Test
from harness.comparing.interval import gap_interval, mean_interval
from harness.comparing.measured import CLASS, METRICS, Measured, classes_of
from harness.comparing.verdicts import verdicts
from harness.plurals import many
from harness.statistics.estimates import LEVEL
from harness.statistics.tests import sign_floor

SHOWN = 4
"""Names that a note lists."""
FEW_IMAGES = 30
"""Under so many, resampling makes intervals that are too narrow: of ten images 95% are some 91%."""


def compare(
    arms: Sequence[Measured],
    *,
    kind: Kind,
    title: str,
    test: Test = "permutation",
    draws: int = 1000,
    seed: int = 0,
    images: int | None = None,
    baseline: str | None = None,
    notes: Sequence[str] = (),
    differs: Sequence[Differing] = (),
    refused: Sequence[str] = (),
    order: Order | None = None,
    doubts: Sequence[str] = (),
) -> Comparison:
    """Compare arms with the baseline (the first, unless named).

    draws, seed: of the test images (they are said, the arms hold them already), and of exchanges
    of images between two networks. refused: why the arms must not be ranked, in which case their
    figures are given and no differences. doubts: notes that say why files may not be comparable.
    """
    base = next((arm for arm in arms if arm.name == baseline), arms[0])
    others = [] if refused else [arm for arm in arms if arm is not base]
    paired = test == "paired_t"
    return Comparison(
        kind=kind,
        title=title,
        baseline=base.name,
        arms=tuple(_figures(arm) for arm in arms),
        verdicts=verdicts(base, others, test, draws, seed),
        gaps=tuple(gap for arm in others for gap in _gaps(arm, base)),
        classes=tuple(gap for arm in others for gap in _classes(arm, base)),
        test=test,
        draws=draws if any(arm.drawn for arm in arms) else 0,
        seed=seed,
        images=images,
        notes=(
            *doubts,
            *notes,
            *_limits(arms, test, images),
            *(_pairing(base, others) if paired else ()),
        ),
        differs=tuple(differs),
        refused=tuple(refused),
        order=order,
        doubtful=bool(doubts),
    )


def _figures(arm: Measured) -> ArmFigures:
    return ArmFigures(
        name=arm.name,
        n=arm.n,
        sources=tuple(one.source for one in arm.networks),
        figures={name: mean_interval(arm.values(name), arm.draws(name)) for name in METRICS},
        by_network=tuple({name: one.figures.get(name) for name in METRICS} for one in arm.networks),
        drawn=arm.drawn,
    )


def _gap(arm: Measured, base: Measured, metric: str, what: str) -> Gap | None:
    found = gap_interval(
        arm.values(metric), base.values(metric), arm.draws(metric), base.draws(metric)
    )
    if found is None:
        return None
    values = [mean_interval(one.values(metric), None) for one in (arm, base)]
    own, other = (None if one is None else one.value for one in values)
    return Gap(arm.name, what, own, other, found)


def _gaps(arm: Measured, base: Measured) -> Iterator[Gap]:
    """The figures beside AP, which has its verdict."""
    for metric in METRICS[1:]:
        if (found := _gap(arm, base, metric, metric)) is not None:
            yield found


def _classes(arm: Measured, base: Measured) -> list[Gap]:
    found = [_gap(arm, base, CLASS + name, name) for name in classes_of([arm, base])]
    return sorted((one for one in found if one), key=lambda one: -one.gap.value)


def _limits(arms: Sequence[Measured], test: Test, images: int | None) -> Iterator[str]:
    """What these arms cannot say."""
    single = [arm.name for arm in arms if arm.n == 1]
    undrawn = [arm.name for arm in arms if not arm.drawn]
    if single:
        have = "has one network" if len(single) == 1 else "have one network each"
        alone = "" if undrawn else "the images alone are resampled, so "
        yield (
            f"{_listed(single, arms)} {have}: {alone}training noise is not in the interval, "
            "and nothing is claimed about the method; another seed may turn it"
        )
    if undrawn:
        yield (
            f"no match records of {_listed(undrawn, arms)}: seeds alone carry the intervals; that "
            "the test images are a sample, too, is not in them"
        )
    if images is not None and images < FEW_IMAGES and len(undrawn) < len(arms):
        yield (
            f"{many(images, 'test image')}: intervals over so few are too narrow, and over one "
            "there is none"
        )
    if test == "paired_t":
        yield "paired by the order of the files or the seed: seed k of one arm with k of the other"


def _pairing(base: Measured, others: Sequence[Measured]) -> Iterator[str]:
    """Networks that have no partner on the other side, and arms of too few pairs to separate."""
    few = []
    for arm in others:
        if arm.n == base.n == 1:
            continue
        pairs = {one.seed for one in arm.networks} & {one.seed for one in base.networks}
        for side, other in ((arm, base), (base, arm)):
            alone = [one.source for one in side.networks if one.seed not in pairs]
            if alone:
                has, left = ("has", "is left") if len(alone) == 1 else ("have", "are left")
                yield (
                    f"{', '.join(alone)} {has} no partner in {other.name} and {left} out of the "
                    f"difference, which is over {many(len(pairs), 'pair')}"
                )
        if sign_floor(len(pairs)) > LEVEL:
            few.append(f"{arm.name} has {len(pairs)}")
    if few:
        yield f"a paired t separates from six pairs on; {', '.join(few)}"


def _listed(names: Sequence[str], arms: Sequence[Measured]) -> str:
    """Some names, and how many more."""
    if len(names) == len(arms) > 2:
        return "all arms"
    more = len(names) - SHOWN
    return f"{', '.join(names[:SHOWN])}{f' and {more} more' if more > 0 else ''}"
