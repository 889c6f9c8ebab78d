"""What the page says of a point of the Pareto plot: plain data, text and numbers only."""

from typing import Any

from harness.report.networks import NetworksInfo
from harness.report.pareto import ParetoInfo
from harness.report.pareto_marks import said_of
from harness.report.summary import ArmSummary
from harness.report.wordings import chance


def cards(
    info: ParetoInfo, arms: tuple[ArmSummary, ...], networks: NetworksInfo
) -> list[dict[str, Any]]:
    """One a point, in the order of the points. network: its place among the drawings, or None."""
    by_label = {arm.label: arm for arm in arms}
    made = []
    for point in info.points:
        arm = by_label[point.label]
        lines = [["AP", str(point.ap)]]
        lines += _figures(arm)
        lines.append(["front", said_of(point)])
        if point.front_probability is not None:
            lines.append(["on it in", f"{chance(point.front_probability)} of draws"])
        made.append({"name": point.title, "lines": lines, "network": networks.of.get(point.label)})
    return made


def _figures(arm: ArmSummary) -> list[list[str]]:
    costs = arm.costs
    forms = {
        "macs": ("multiply-adds", 1e9, "{:.4g} G"),
        "params": ("parameters", 1e6, "{:.4g} M"),
        "latency_ms": ("latency", 1.0, "{:.1f} ms"),
    }
    return [
        [words, form.format(costs[name] / scale)]
        for name, (words, scale, form) in forms.items()
        if name in costs
    ]
