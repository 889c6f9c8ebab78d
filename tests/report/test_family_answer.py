"""What is said of families at equal cost: which to use, how sure that is, what would settle it."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from harness.report import table
from harness.report.families import Beyond, FamiliesInfo, Family, families
from harness.report.family_answer import family_answer
from harness.statistics.contrasts import Contrast
from harness.statistics.estimates import Estimate

FACTOR = "feature_network.width.factor"


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        (range(6), "The families by factor share no seed, and are compared seed by seed"),
        (range(1), "share no seed"),
    ],
)
def test_families_without_a_shared_seed_are_not_compared(seeds: range, said: str) -> None:
    rows = [
        {
            "arm": f"{factor} {size}", "label": f"{factor} {size}", "status": "done",
            "seed": seed + 10 * (factor > 1.2), "ap": 0.3 + 0.01 * size + 0.001 * seed,
            "macs": 1e9 * size, "choice." + FACTOR: factor,
        }
        for factor in (1.2, 1.3) for size in (1, 2) for seed in seeds
    ]  # fmt: skip
    info = families(pd.DataFrame(rows), FACTOR)
    assert info is not None
    assert said in family_answer(info)
    one = families(
        pd.DataFrame([row | {"seed": 0} for row in rows if row["seed"] % 10 == 0]), FACTOR
    )
    assert one is not None
    assert "(n=1 seed)" in family_answer(one)


def test_six_seeds_find_a_gap_that_is_there(make: Any, keep: Any) -> None:
    study, records = make.grid(6, gain=0.05)
    info = families(table(keep(study, records), "width", "laptop"), FACTOR)
    assert info is not None
    assert all(gap.verdict == "lower" for gap in info.gaps)
    said = family_answer(info)
    assert said.startswith("Use factor 1.4. At equal cost (AP averaged along each curve, over ")
    assert " GFLOPs; n=6 seeds) 1.4 is 0.0" in said
    assert said.endswith("] above 1.3, the next, and above 1.2 too.")


def test_what_the_highest_is_not_separated_from_is_named_with_what_would_settle_it() -> None:
    def gap(arm: str, against: str, difference: float, **more: Any) -> Contrast:
        low, high = difference - 0.001, difference + 0.001
        return Contrast(arm, against, difference, low, high, (6, 6), 0.001, 0.01, 0.03, **more)

    family = [
        Family(name, (), tuple(range(6)), Estimate(mean, 0.01, 6, mean - 0.01, mean + 0.01))
        for name, mean in (("1.2", 0.3), ("1.3", 0.34), ("1.4", 0.35), ("1.45", 0.35))
    ]
    gaps = [
        gap("1.4", "1.2", 0.05, separated=True),
        gap("1.4", "1.3", 0.01, separated=False, needs=9),
        replace(gap("1.4", "1.45", 0.0, separated=False), p=None),
        gap("1.3", "1.2", 0.04, separated=True),
    ]
    info = FamiliesInfo("x.factor", tuple(family), (1e9, 2e9), tuple(gaps), None)
    assert family_answer(info) == (
        "Use factor 1.4, 1.45 or 1.3. At equal cost (AP averaged along each curve, over 1.00 to "
        "2.00 GFLOPs; n=6 seeds) 1.4 is 0.050 AP [0.049, 0.051] above 1.2, the next. 1.45 has the "
        "same networks there. Not separated from 1.4: 1.3 (needs about 9 seeds)."
    )
    above = gap("1.45", "1.4", 0.009, separated=False, needs=22)
    apart = replace(info, beyond=(Beyond("coefficient 3", above),))
    assert (
        "1.45 has the same networks there; at coefficient 3, 1.45 minus 1.4 is +0.009 AP "
        "[+0.008, +0.010], not separated (needs about 22 seeds). Not"
    ) in family_answer(apart)
    none = replace(info, gaps=tuple(gaps[1:]))
    assert family_answer(none).startswith(
        "At equal cost (over 1.00 to 2.00 GFLOPs) factor 1.4 has the highest mean AP, 0.350 "
        "[0.340, 0.360] (n=6), and is separated from none. 1.45 has the same networks there. Not"
    )
    turned = replace(gaps[0], difference=-0.05, low=-0.051, high=-0.049)  # over shared seeds
    assert replace(info, gaps=(turned,)).level == ("1.4", "1.45", "1.3", "1.2")
    same = replace(
        info,
        families=(family[2], family[3]),
        gaps=(gaps[2],),
        beyond=(Beyond("coefficient 3", above),),
    )
    assert family_answer(same) == (
        "At equal cost no factor is separated from another (n=6 seeds): over 1.00 to 2.00 GFLOPs "
        "the families' mean APs lie within 0.000 of each other, and gaps up to 0.001 are not "
        "excluded. 1.4 and 1.45 have the same AP, seed by seed; at coefficient 3, 1.45 minus 1.4 "
        "is +0.009 AP [+0.008, +0.010], not separated (needs about 22 seeds)."
    )


def test_families_say_what_is_left_open_and_what_would_settle_it(make: Any, keep: Any) -> None:
    study, records = make.grid(2)
    info = families(table(keep(study, records), "width", "laptop"), FACTOR, axes=study.axes)
    assert info is not None
    assert "of each other, and gaps up to " in family_answer(info)
    assert family_answer(info).endswith(
        "At least six seeds a network are needed before any two could be parted."
    )
    assert info.caution == ""
    assert [trend.axis for trend in info.trends] == [FACTOR, "model.coefficient"]
    assert not info.images
