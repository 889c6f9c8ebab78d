"""The ablation tables: what papers print for the shipped studies, beside what their plans count."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.door.published import costs_words
from harness.errors import Fault, SpecError
from harness.fidelity.family import GOLDENS
from harness.fidelity.sheet import Row, Sheet
from harness.ledger import Ledger
from harness.plan import Plan, make_plan, open_facts
from harness.published.anchors import State, anchor_states
from harness.space.assumed import or_assumed
from harness.space.costing import closed_form
from harness.space.counting import FEATURE_NETWORK, count_by, total_by
from harness.space.load import read_yaml
from harness.space.model import ModelSpec
from harness.space.printed import HEADS, Printed
from harness.space.profiles import load_study
from harness.space.workplace import Workplace

TABLES = {
    "backbone_vs_bifpn": "Table 4: backbone and BiFPN",
    "cross_scale": "Table 5: cross-scale connections",
    "fusion": "Table 6: softmax and fast fusion",
    "compound_scaling": "Figure 6: compound and single scaling",
    "bifpn_width": "The width grid",
}


def sheets(studies: Path, results: Path) -> tuple[Sheet, ...]:
    """Sections of the page on the shipped studies.

    studies: the folder `search_spaces`. results: where records of anchors may lie.
    """
    tables = [_table(studies / f"{name}.yaml", title) for name, title in TABLES.items()]
    networks = _networks(studies / "cross_scale.yaml")
    return (*tables, networks, _segmentation(studies / "segmentation.yaml"), _anchors(results))


def _planned(study: Path, profile: str | None) -> Plan:
    """The plan of a study as the paper would run it, on no results and without its data."""
    loaded = load_study(study, profile=profile)
    with TemporaryDirectory() as nowhere:
        facts = or_assumed(loaded.spec, open_facts(Workplace(Path(nowhere)).cache))
        return make_plan(loaded, Ledger(Path(nowhere)), facts)


def _published(plan: Plan, study: Path) -> dict[str, Any]:
    published = plan.published()
    if published is None:
        raise SpecError(Fault("", "has no `published` table to stand on the page", str(study)))
    return published


def _table(study: Path, title: str) -> Sheet:
    published = _published(_planned(study, "coco"), study)
    rows = tuple(row for one in published["rows"] for row in _rows(one))
    words = [f"`search_spaces/{study.name}`, profile `coco`. Source: {published['source']}."]
    if published.get("costs") and rows:
        words += [f"Ours: {costs_words(published['costs'])}."]
    words += [published["note"]] if published["note"] else []
    words += list(map(_said, filter(_is_unsaid, published["rows"])))
    return Sheet(title, "\n\n".join(words), rows, _quotes(published["rows"]))


def _rows(quoted: Mapping[str, Any]) -> Iterator[Row]:
    """Figures that follow from the network; where a row is open, both ends are said."""
    label = quoted["label"] or quoted["arm"]
    for name, ours in quoted.get("ours", {}).items():
        if name not in quoted["figures"]:
            continue
        mark = quoted["marks"][name]
        reason = quoted["note"] if mark != "=" else ""
        if name in quoted["ours_range"]:
            span = quoted["ours_as_printed"][name]
            reason = f"{span}: {reason}" if reason else span
        printed = Printed.read(quoted["figures"][name])
        is_open = mark != "=" and quoted["note"].startswith("Open")
        yield Row(f"{label}, {HEADS.get(name, name)}", printed, ours, reason, is_open)


def _is_unsaid(quoted: Mapping[str, Any]) -> bool:
    """Whether a row has a note that stands at no figure of it: those agree, or there are none."""
    marks = quoted.get("marks", {})
    return bool(quoted["note"]) and all(mark == "=" for mark in marks.values())


def _said(quoted: Mapping[str, Any]) -> str:
    ours = quoted.get("ours_as_printed", {})
    figures = ", ".join(f"{HEADS.get(name, name)} {text}" for name, text in ours.items())
    words = f"- {quoted['label'] or quoted['arm']}"
    return (
        f"{words} (ours: {figures}): {quoted['note']}" if figures else f"{words}: {quoted['note']}"
    )


def _quotes(rows: list[Mapping[str, Any]]) -> tuple[tuple[str, ...], ...]:
    """What training or a device would have to tell, as printed; empty where there is nothing."""
    names = dict.fromkeys(
        name for row in rows for name in row["figures"] if name not in row.get("ours", {})
    )
    if not names:
        return ()
    header = (
        "quoted",
        *(HEADS.get(n, n) for n in names),
    )
    lines = [
        (str(row["label"] or row["arm"]), *(str(row["figures"].get(n, "-")) for n in names))
        for row in rows
        if any(n in row["figures"] for n in names)
    ]
    return (header, *lines)


def _networks(study: Path) -> Sheet:
    """Table 5's feature networks: parameters and FLOPs that its ratios are of."""
    golden = read_yaml(GOLDENS).tree["table_5"]
    models = {one.cell.arm: one.spec.model for one in _planned(study, "coco").cells}
    rows = []
    for arm, (params, flops) in golden["rows"].items():
        ours = closed_form(models[arm]).parts[FEATURE_NETWORK].params
        counted = count_by(models[arm], "tf_profiler_2020_04")[FEATURE_NETWORK]
        rows.append(Row(f"{arm}, params", Printed.read(params), ours))
        reason = "sums stand for NAS-FPN's gates there" if arm.startswith("nas_fpn") else ""
        rows.append(Row(f"{arm}, FLOPs", Printed.read(flops), counted, reason))
    for what, (printed, ours) in _whole(golden["whole"], models["plus weights"]).items():
        rows.append(Row(f"plus weights, whole model, {what}", Printed.read(printed), ours))
    return Sheet("Table 5's networks in full", f"Source: {golden['source']}.", tuple(rows))


def _whole(golden: Mapping[str, int], model: ModelSpec) -> dict[str, tuple[int, int]]:
    """Table 4's third row, which is the same model: printed 12M and 24B."""
    ours = {"params": closed_form(model).params}
    ours |= {name: total_by(model, name) for name in golden if name not in ours}
    return {name: (number, ours[name]) for name, number in golden.items()}


def _segmentation(study: Path) -> Sheet:
    plan = _planned(study, None)
    published = _published(plan, study)
    quoted = next(row for row in published["rows"] if row["arm"] is not None)
    params, macs = (Printed.read(quoted["figures"][name]) for name in ("params", "macs"))
    costs = {
        one.spec.model.image_size: one.cell for one in plan.cells if one.cell.arm == quoted["arm"]
    }
    nearest = min(costs.values(), key=lambda cell: abs((cell.macs or 0) - macs.value))
    others = ", ".join(f"{(cell.macs or 0) / 1e9:.1f}B at {px} px" for px, cell in costs.items())
    rows = (
        Row("params", params, nearest.params or 0, "the head is not printed: see above", True),
        Row("FLOPs at the size that fits", macs, nearest.macs or 0, f"size not printed; {others}"),
    )
    words = f"`search_spaces/{study.name}`. Source: {published['source']}.\n\n{published['note']}"
    return Sheet("Table 3: segmentation", words, rows, _quotes(published["rows"]))


def _anchors(results: Path) -> Sheet:
    lines = tuple(_anchor(state) for state in anchor_states(results))
    words = (
        "Known results that the trainer and the evaluation can be held to: what to run is in "
        "[anchors](anchors.md), and `harness anchors` says what came of it. Until a record is in, "
        "an anchor is 'not run here'."
    )
    return Sheet("Anchors", words, quotes=(("", "known AP", "source", "here"), *lines))


def _anchor(state: State) -> tuple[str, str, str, str]:
    here = state.note if state.ap is None else f"{state.ap:.1f} ({state.device}; {state.runs} run)"
    return state.anchor.what, f"{state.anchor.ap:g}", state.anchor.source, here
