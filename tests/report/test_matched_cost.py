"""Arms at equal cost: off a curve where there is one, else by a control, else said plainly."""

import math
from dataclasses import replace
from typing import Any

import pytest

from harness.report.costed import Network
from harness.report.matched_cost import matched_costs
from harness.report.trends import kind_of, trends
from harness.statistics.samples import Sample, sample
from harness.studies import StudyResults

WIDTH = "model.feature_network.width"


def study(**more: Any) -> StudyResults:
    told: dict[str, Any] = {"arms": ("fpn", "bifpn"), "baseline": "fpn"}
    return StudyResults("s", "laptop", "?", (), **(told | more))


def network(arm: str, macs: float, ap: float, width: int | None = None) -> Network:
    label = arm if width is None else f"{arm}, width {width}"
    values = [ap + 0.001 * (seed % 3) + 0.0001 * seed * len(arm) for seed in range(6)]
    return Network(label, arm, {} if width is None else {WIDTH: width}, macs, sample(values))


def test_costs_alike_need_no_section() -> None:
    assert (
        matched_costs(study(), [network("fpn", 1e9, 0.4), network("bifpn", 1.005e9, 0.5)], "fpn")
        == ()
    )


def test_without_a_curve_the_difference_in_cost_is_said() -> None:
    (row,) = matched_costs(study(), [network("fpn", 1e9, 0.4), network("bifpn", 1.3e9, 0.5)], "fpn")
    assert (row.how, row.contrast) == ("none", None)
    assert row.words == (
        "bifpn costs 30.0% more than fpn, and there is no curve to interpolate on and no control "
        "of equal cost"
    )


def test_the_baselines_curve_is_read_at_the_arms_cost() -> None:
    """On a curve of .1 AP a doubling, an arm at sqrt 2 times the cost is compared with +.05."""
    axes = {WIDTH: [16, 32]}
    nets = [
        network("fpn", 1e9, 0.40, 16),
        network("fpn", 2e9, 0.50, 32),
        network("bifpn", math.sqrt(2) * 1e9, 0.47, 16),
        network("bifpn", 4e9, 0.60, 32),
    ]
    on, beyond = matched_costs(study(axes=axes), nets, "fpn, width 16")
    assert on.how == "baseline's curve"
    assert on.contrast is not None
    assert on.contrast.difference == pytest.approx(0.02, abs=0.002)
    assert on.contrast.verdict == "higher"
    assert beyond.how == "none"


def test_an_arms_own_curve_serves_where_the_baseline_has_none() -> None:
    nets = [
        network("fpn", 1.5e9, 0.40),
        network("bifpn", 1e9, 0.45, 16),
        network("bifpn", 2e9, 0.55, 32),
    ]
    (row,) = matched_costs(study(axes={WIDTH: [16, 32]}), nets, "fpn")
    assert row.how == "arm's curve"
    assert row.contrast is not None
    read = 0.45 + 0.1 * math.log2(1.5) - 0.40
    assert row.contrast.difference == pytest.approx(read, abs=0.002)
    assert row.contrast.p_holm == row.contrast.p  # one curve, one test


def test_a_control_of_equal_cost_stands_in() -> None:
    said = {"arms": [{"name": "wide fpn", "kind": "matched", "against": "bifpn"}]}
    nets = [network("fpn", 1e9, 0.4), network("bifpn", 2e9, 0.5), network("wide fpn", 2e9, 0.47)]
    row, control = matched_costs(study(ablation=said), nets, "fpn")
    assert (row.how, row.against, control.how) == ("control", "wide fpn", "none")
    assert row.contrast is not None
    assert row.contrast.difference == pytest.approx(0.03, abs=0.002)
    assert row.words == "wide fpn was made to cost what bifpn does"


def test_a_control_is_that_of_the_same_choice() -> None:
    """Of two backbones each arm has a control of its own."""
    said = {"arms": [{"name": "wide fpn", "kind": "matched", "against": "bifpn"}]}
    nets = [
        replace(network(arm, size * more, ap), label=f"{arm}, {name}", choice={"backbone": name})
        for name, size in (("small", 1e9), ("large", 4e9))
        for arm, more, ap in (("fpn", 1, 0.4), ("bifpn", 2, 0.5), ("wide fpn", 1.9, 0.47))
    ]
    axes = {"backbone": ["small", "large"]}
    rows = {
        row.arm: row for row in matched_costs(study(ablation=said, axes=axes), nets, "fpn, small")
    }
    for name in axes["backbone"]:
        row = rows[f"bifpn, {name}"]
        assert (row.how, row.against) == ("control", f"wide fpn, {name}")
        assert row.words.endswith(f"what bifpn, {name} does, and misses it by 5.0%")


def test_a_trend_is_along_one_axis_with_the_others_held() -> None:
    """Width gives .1 a doubling and repeats .02: each is found, whatever the other does."""
    repeats = "model.feature_network.repeats"
    nets = [
        Network(
            f"{w} {r}", f"{w} {r}", {WIDTH: w, repeats: r}, 1e9 * 2**i * 2**j,
            Sample(tuple(0.3 + 0.1 * i + 0.02 * j + 0.001 * s * i for s in (0, 1)), (0, 1)),
        )
        for i, w in enumerate((16, 32))
        for j, r in enumerate((1, 2, 4))
    ]  # fmt: skip
    axes: dict[str, list[Any]] = {WIDTH: [16, 32], repeats: [1, 2, 4], "fuse": ["sum", "mean"]}
    wide, deep = trends(nets, axes)
    assert (wide.kind, wide.networks, wide.doublings) == ("width", 6, pytest.approx(1))
    assert wide.slope.mean == pytest.approx(0.1005)
    assert wide.slope.low is not None
    assert (deep.kind, deep.doublings) == ("repeats", pytest.approx(2))
    assert deep.slope.mean == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("axis", "kind"),
    [
        ("model.image_size", "resolution"),
        ("model.compound.width.factor", "width"),
        ("model.compound.coefficient", "coefficient"),
    ],
)
def test_an_axis_is_named_by_what_it_scales(axis: str, kind: str) -> None:
    assert kind_of(axis) == kind
