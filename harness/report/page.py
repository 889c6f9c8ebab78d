"""`write_report`: everything under `reports/<study>/<profile>/`, from `results/` alone.

`index.html` is one file: its pictures are inlined, it fetches nothing, and the one script it runs
is its own.
"""

from dataclasses import replace
from pathlib import Path

from harness.files import place, write_whole
from harness.ledger import safe_name
from harness.report.ablation import ablation_table
from harness.report.ablation_picture import draw_ablation, worths
from harness.report.course import draw_course
from harness.report.errors import errors_table
from harness.report.errors_picture import draw_error_pictures
from harness.report.forest import draw_forest, forest
from harness.report.fusion_curves import draw_fusion_curves
from harness.report.gather import ReportData, gather
from harness.report.latency_section import draw_latency
from harness.report.latex import latex
from harness.report.live import Live
from harness.report.markdown import markdown
from harness.report.paper import paper_plots
from harness.report.pareto_drawing import draw_pareto, draw_phone
from harness.report.plots import draw_curves, draw_families, draw_needs
from harness.report.quoted import quoted_table
from harness.report.render import render
from harness.report.share_above import draw_share_above, share_above
from harness.report.style import styled, to_png, to_svg
from harness.report.summary import summary_table
from harness.report.unchanged import MADE, is_unchanged, keep, made_of


def write_report(
    results: str | Path,
    study: str,
    profile: str,
    reports: str | Path = "reports",
    *,
    published: bool = False,
    live: Live | None = None,
    force: bool = False,
) -> tuple[Path, ...]:
    """Draw the report of one profile of one study; the files written, the page first.

    published: published detectors under the Pareto plot, whether or not the study asks for them.
    live: how far the study is, where it runs; then the page says so and loads itself again.
    force: draw it although nothing has changed since it was drawn.
    Each file is written whole, then renamed. A picture that an earlier report left and that has
    nothing to show any more is taken away.
    """
    at = place(results)
    folder = Path(reports) / safe_name(study, "study") / safe_name(profile, "profile")
    digest = made_of(at, study, profile, published)
    if live is None and not force and (there := is_unchanged(folder, digest)) is not None:
        return there
    data = replace(gather(at, study, profile, published=published), live=live)
    (folder / MADE).unlink(missing_ok=True)
    files = write_files(data, folder)
    if live is None:
        keep(folder, digest, files)
    return files


def write_files(data: ReportData, folder: Path) -> tuple[Path, ...]:
    """Draw and write."""
    drawn, more, png = draw(data)
    content: dict[str, str | bytes | None] = {
        "index.html": render(data, drawn, more),
        "table.csv": data.cells.to_csv(index=False),
        "summary.csv": summary_table(data.arms).to_csv(index=False),
        "published.csv": quoted_table(data.quoted).to_csv(index=False)
        if data.quoted and data.quoted.rows
        else None,
        "ablation.csv": ablation_table(data.ablation).to_csv(index=False)
        if data.ablation
        else None,
        "errors.csv": errors_table(data.errors).to_csv(index=False)
        if data.errors and data.errors.arms
        else None,
        "report.md": markdown(data),
        "table.tex": latex(data),
        "pareto.svg": drawn.get("pareto"),
        "pareto.png": png,
        "forest.svg": drawn.get("forest"),
        "above.svg": drawn.get("above"),
        "curves.svg": drawn.get("curves"),
        "families.svg": drawn.get("families"),
        "weights.svg": drawn.get("weights"),
        "course.svg": drawn.get("course"),
        "found.yaml": data.search.file if data.search else None,
    }
    content |= {f"paper/{name}": made for name, made in paper_plots(data).items()}
    for name, made in content.items():
        if made is None:
            (folder / name).unlink(missing_ok=True)
        else:
            write_whole(folder / name, made)
    return tuple(folder / name for name, made in content.items() if made is not None)


def draw(data: ReportData) -> tuple[dict[str, str], list[str], bytes | None]:
    """The pictures that have something to show, by name; other costs' Pareto plots; the PNG."""
    drawn, png = {}, None
    with styled():
        if data.pareto.points:
            main = draw_pareto(data.pareto)
            drawn["pareto"], png = to_svg(main), to_png(main)
            drawn["paretophone"] = to_svg(draw_phone(data.pareto))
        if (found := forest(data.arms, data.declared, data.families, data.asked.spine)) is not None:
            drawn["forest"] = to_svg(draw_forest(found))
        if data.losses:
            drawn["curves"] = to_svg(draw_curves(data.losses))
            drawn["curvesphone"] = to_svg(draw_curves(data.losses, phone=True))
        if data.needs:
            drawn["needs"] = to_svg(draw_needs(data.arms, data.needs))
            drawn["needsphone"] = to_svg(draw_needs(data.arms, data.needs, phone=True))
        if above := share_above(data.arms, data.families):
            drawn["above"] = to_svg(draw_share_above(above))
            drawn["abovephone"] = to_svg(draw_share_above(above, phone=True))
        if data.fusion_curves:
            drawn["weights"] = to_svg(draw_fusion_curves(data.fusion_curves))
        if data.ablation and (worth := worths(data.ablation)):
            drawn["ablation"] = to_svg(draw_ablation(worth))
        if data.search and any(one.ap is not None for one in data.search.course.steps):
            drawn["course"] = to_svg(draw_course(data.search.course))
        if data.errors:
            drawn |= {name: to_svg(one) for name, one in draw_error_pictures(data.errors).items()}
        if data.latency:
            drawn["latency"] = to_svg(draw_latency(data.latency))
        for i, info in enumerate(data.families):
            drawn[f"families{i or ''}"] = to_svg(draw_families(info))
            drawn[f"familiesphone{i or ''}"] = to_svg(draw_families(info, phone=True))
        more = [to_svg(draw_pareto(info, small=True)) for info in data.others]
    return drawn, more, png
