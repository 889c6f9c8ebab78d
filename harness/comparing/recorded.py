"""`harness compare A B`: sides of the ledger as arms, ranked where that may be done."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from harness.comparing.compare import compare
from harness.comparing.comparison import Comparison, Differing, Kind, Order, Test
from harness.comparing.differs import differing, refusals, warnings
from harness.comparing.families import compare_families, families_asked
from harness.comparing.measured import Measured, Network, figures_of
from harness.comparing.sides import Side, find_side
from harness.draws import draws_of
from harness.errors import SpecError
from harness.ledger import Ledger
from harness.records import TrialRecord

KINDS: dict[str, Kind] = {"study": "studies", "arm": "arms", "trial": "trials"}


def compare_recorded(
    words: Sequence[str],
    results: Path,
    *,
    test: Test = "permutation",
    draws: int = 1000,
    seed: int = 0,
    names: str | None = None,
) -> Comparison:
    """Compare studies, arms, trials or families; the baseline is the first side's. `SpecError`
    where a word means nothing or sides are of several kinds.

    Differences are of the other sides minus the first: `compare A B` is B minus A, where
    `harness.contrast(A, B)` is A minus B. test, draws, seed: families have the report's.
    """
    if (asking := families_asked(words, results)) is not None:
        return compare_families(asking, results, names)
    sides = [find_side(word, results) for word in words]
    _agree(sides)
    found = differing(sides)
    kind = KINDS[sides[0].kind]
    refused = refusals(found)
    names_of = _named(sides, names)
    arms = {
        key: Measured(name, _networks(_records(sides, key), results, draws, seed))
        for key, name in names_of.items()
    }
    images = _images([record for key in arms for record in _records(sides, key)])
    return compare(
        list(arms.values()),
        kind=kind,
        title=" and ".join(side.word for side in sides),
        test=test,
        draws=draws,
        seed=seed,
        images=images,
        baseline=names_of.get((sides[0].word, sides[0].baseline or "")),
        notes=(
            *_one_network(sides, found),
            *warnings(found),
            *(note for side in sides for note in side.notes),
        ),
        differs=found,
        refused=refused,
        order=_order(sides, arms),
    )


def _agree(sides: Sequence[Side]) -> None:
    kinds = {side.kind for side in sides}
    if len(kinds) > 1:
        told = ", ".join(
            f"{side.word} is a{'n' * (side.kind == 'arm')} {side.kind}" for side in sides
        )
        raise SpecError(f"compare studies, or arms, or trials: {told}")
    words = [side.word for side in sides]
    for word in words:
        if words.count(word) > 1:
            raise SpecError(f"{word} is there twice; a comparison is of different things")
    for side in sides:
        if not any(side.arms.values()):
            raise SpecError(f"{side.word} has no finished trial")


def _one_network(sides: Sequence[Side], found: Sequence[Differing]) -> Iterator[str]:
    """A note where trials are of one network and recipe."""
    apart = [one.path for one in found if not one.path.startswith("environment.")]
    if sides[0].kind == "trial" and not apart:
        times = "twice" if len(sides) == 2 else f"{len(sides)} times"
        yield f"the same network, trained {times}: what parts them is the seed"


def _named(sides: Sequence[Side], names: str | None) -> dict[tuple[str, str], str]:
    """Names that tell arms apart, by side and label: labels, or with the study where two sides
    have the same."""
    keys = [(side.word, label) for side in sides for label, held in side.arms.items() if held]
    if names is not None:
        asked = [name.strip() for name in names.split(",")]
        if sides[0].kind == "study":
            raise SpecError("--names: arms of studies have their names")
        if len(asked) != len(keys) or len(set(asked)) != len(asked) or not all(asked):
            raise SpecError(f"--names {names}: every side needs a name of its own")
        return dict(zip(keys, asked, strict=True))
    labels = [label for _, label in keys]
    alone = {label for label in labels if labels.count(label) == 1}
    if sides[0].kind == "study":
        return {(w, label): label if label in alone else f"{w}:{label}" for w, label in keys}
    return {(w, label): label if label in alone else w for w, label in keys}


def _records(sides: Sequence[Side], key: tuple[str, str]) -> tuple[TrialRecord, ...]:
    word, label = key
    return next(side.arms[label] for side in sides if side.word == word)


def _networks(
    records: Sequence[TrialRecord], results: Path, draws: int, seed: int
) -> tuple[Network, ...]:
    alone = len(records) == 1
    return tuple(_network(one, results, draws, seed, alone=alone) for one in records)


def _network(record: TrialRecord, results: Path, draws: int, seed: int, *, alone: bool) -> Network:
    """alone: the one network of its arm."""
    if record.metrics is None:
        raise SpecError(f"trial {record.id} has no metrics")
    drawn = draws_of(results, record, draws, seed)
    init = record.spec.get("seeds", {}).get("init", 0)
    matches = partial(Ledger(results).matches_of, record) if alone else None
    return Network(record.id, int(init), figures_of(record.metrics), drawn, matches)


def _images(records: Sequence[TrialRecord]) -> int | None:
    """Test images, where all records have as many."""
    found = {record.spec.get("facts", {}).get("val_images") for record in records}
    only = next(iter(found)) if len(found) == 1 else None
    return only if isinstance(only, int) else None


def _order(sides: Sequence[Side], named: Mapping[tuple[str, str], Measured]) -> Order | None:
    """Rank fidelity: whether two profiles of one study, or two studies, order their common arms
    alike. None under two common arms, or where there are other than two sides."""
    if len(sides) != 2 or sides[0].kind != "study":
        return None
    one, other = sides
    common = [label for label in one.arms if one.arms[label] and other.arms.get(label)]
    if len(common) < 2:
        return None
    from harness.statistics.ranks import correlations

    held = [[named[side.word, label].sample() for label in common] for side in sides]
    tau, rho = correlations(held[0], held[1])
    spread = "" if tau.low is None or tau.high is None else f" [{tau.low:.2f}, {tau.high:.2f}]"
    words = (
        f"order of {len(common)} arms under {one.word} and {other.word}: Kendall's tau-b "
        f"{tau.value:.2f}{spread}, Spearman's rho {rho.value:.2f}"
    )
    if not spread:
        words += "; no interval: it takes four arms, and an arm of two seeds on each side"
    means = tuple(tuple(one.mean for one in samples) for samples in held)
    return Order((one.word, other.word), tuple(common), (means[0], means[1]), words)
