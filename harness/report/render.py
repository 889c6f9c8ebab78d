"""The page as HTML: every name escaped, only our own pictures let through as markup."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.graph.draw import to_svg as to_picture
from harness.report import pictures_drawing
from harness.report.cards import cards
from harness.report.errors import WORDS as ERROR_WORDS
from harness.report.family_answer import family_answer
from harness.report.forest import forest, name_of
from harness.report.fusion import MOVED
from harness.report.gather import ReportData
from harness.report.latency_section import WORDS
from harness.report.pareto_marks import caption
from harness.report.parts import SHADES, parts_info
from harness.report.sections import shown
from harness.report.share_above import share_above
from harness.report.signature import setting, signature
from harness.report.style import inline, scoped, tinted
from harness.report.telling import CHANCE_WORDS
from harness.report.wordings import (
    chance,
    cost_digits,
    gap_digits,
    giga,
    mark,
    mega,
    number,
    p_value,
    way,
)
from harness.statistics.contrasts import TESTS

TITLES = {
    "pareto": "Cost against AP",
    "curves": "Training loss",
    "families": "AP against cost by family",
    "needs": "AP by need",
    "above": "Share of runs above each AP",
    "latency": "Latency ratios",
    "ablation": "What each part is worth",
    "weights": "Fusion weights over time",
    "course": "Best AP of the search so far",
    "errors": "Errors by kind",
    "errorgaps": "Errors by kind, minus the baseline",
    "errorsizes": "Errors by kind and size",
}
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; script-src 'sha256-{}'"
)
"""What the page may do: fetch nothing, and run its own script alone, known by its digest."""


def render(data: ReportData, drawn: Mapping[str, str], more: Sequence[str]) -> str:
    """drawn: SVG by name, as `TITLES` names them; more: Pareto plots over other costs."""
    pictures = {
        name: Markup(inline(svg, name, TITLES[of]))
        for name, svg in drawn.items()
        if (of := name.rstrip("0123456789").removesuffix("phone")) in TITLES
    }
    others = [Markup(inline(svg, f"more{i}", TITLES["pareto"])) for i, svg in enumerate(more)]
    networks = [
        Markup(scoped(to_picture(one.graph, marks=one.marks), f"net{i}"))
        for i, one in enumerate(data.networks.networks)
    ]
    found, costs = (
        forest(data.arms, data.declared, data.families, data.asked.spine),
        parts_info(data.arms),
    )
    there = {**pictures, "forest": found, "parts": costs, "others": others}
    script = _script()
    page = (
        _environment()
        .get_template("index.html")
        .render(
            data=data,
            pictures=pictures,
            others=others,
            networks=networks,
            forest=found,
            superiority=_has_superiority(found),
            names=name_of,
            parts=costs,
            family_answer=family_answer,
            above=share_above(data.arms, data.families),
            shades=SHADES,
            marks=caption(data.pareto),
            digits=cost_digits(arm.costs for arm in data.arms),
            sections=shown(data, {name: one for name, one in there.items() if one}),
            cards=cards(data.pareto, data.arms, data.networks),
            signature=signature(data),
            setting=setting(data),
            script=Markup(script),
            policy=POLICY.format(_digest(script)),
            version=_version(),
            METHOD=data.method,
            MARKED=data.marked,
            PAIRED=TESTS["paired_t"],
            TEST=data.test,
            MOVED=MOVED,
            CHANCE_WORDS=CHANCE_WORDS,
            words=WORDS,
            error_words=ERROR_WORDS,
            drawing=pictures_drawing,
        )
    )
    return page.strip("\n") + "\n"


def _has_superiority(found: Any) -> bool:
    rows = [row for group in found.groups for row in group.rows] if found else []
    return any(getattr(row, "superiority", None) is not None for row in rows)


def _script() -> str:
    environment = _environment()
    assert environment.loader is not None
    return environment.loader.get_source(environment, "page.js")[0].strip()


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("feature-network-harness")
    except PackageNotFoundError:
        return "(not installed)"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"num": number, "p": p_value, "chance": chance, "giga": giga, "mega": mega}
    made.filters |= {"mark": mark, "way": way, "tinted": tinted, "gap_digits": gap_digits}
    return made
