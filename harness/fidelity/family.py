"""The family's cost beside what others' code and papers say: closed forms, without torch."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.fidelity.sheet import Row, Sheet
from harness.graph import from_tree, infer
from harness.space.backbones import backbone_facts
from harness.space.costing import closed_form
from harness.space.counting import count_by, total_by
from harness.space.family import COUNTED, FAMILY, TABLE_4, TESTS, Member
from harness.space.load import read_yaml
from harness.space.model import ModelSpec
from harness.space.printed import Printed
from harness.space.scaling import member_model

GOLDENS = Path(__file__).with_name("goldens.yaml")
PRINTED_AS = "tf_profiler_2020_05"
"""The convention of the FLOPs that the paper and its README print."""
Figures = Callable[[str], Mapping[str, int]]


Sheets = tuple[Sheet, ...]


def sheets() -> tuple[Sheets, Sheets, Sheets]:
    """Sections on the family: exact figures of others' code, printed ones, and what is quoted."""
    golden = read_yaml(GOLDENS).tree
    parts = golden["parts"]
    columns = parts["columns"]
    exact = (
        _exact("Parameters", parts["params"], columns, _params),
        _exact("Parameters of the feature network, by cell", golden["cells"], None, _cells),
        _exact("Parameters without biases before norms", golden["own"], None, _unbiased),
        _exact("Multiply-adds of convolutions", parts["macs"], columns, _macs),
        _exact("fvcore's total, in closed form", parts["fvcore"], columns, _fvcore),
        _exact("Published FLOPs: TensorFlow's profiler, halved", golden["profiler"], None, _totals),
        _exact("Lite models", golden["lite"], None, _totals),
    )
    quoted = (
        _quoted("Accuracy and latency of the family", golden["accuracy"]),
        _quoted("Accuracy and latency of the lite models", golden["lite_accuracy"]),
        Sheet(
            "More figures of accuracy and speed",
            f"Quoted. Source: {golden['history']['source']}.",
            quotes=(("", "as printed"), *((a, str(b)) for a, b in golden["history"]["rows"])),
        ),
    )
    return exact, (_members(), _printed()), quoted


def _members() -> Sheet:
    """Table 1 of the paper and its kin: the sizes that everything else follows from."""
    words = (
        "Sizes as published (arXiv 1911.09070v7, table 1; google/automl `hparams_config.py`), "
        "which are this project's data: W channels, D cells, R hidden layers of each head."
    )
    header = ("", "input", "backbone", "W", "D", "R", "levels", "anchor scale", "fusion")
    return Sheet("The family", words, quotes=(header, *map(_member, FAMILY.values())))


def _member(one: Member) -> tuple[str, ...]:
    fuses = {str(node["fuse"]) for node in member_model(one.name).feature_network.graph["nodes"]}
    kinds = " and ".join(sorted({"fast" if "fast" in fuse else "sum" for fuse in fuses}))
    sizes = (one.image_size, one.backbone, one.width, one.repeats, one.head_depth)
    levels = f"p{one.levels[0]} to p{one.levels[1]}"
    return (one.short, *map(str, sizes), levels, f"{one.anchor_scale:g}", kinds)


def _exact(
    title: str, golden: Mapping[str, Any], columns: Sequence[str] | None, figures: Figures
) -> Sheet:
    rows = []
    for name, numbers in golden["rows"].items():
        ours = figures(name)
        for column, number in zip(columns or golden["columns"], numbers, strict=False):
            rows.append(Row(f"{FAMILY[name].short}, {column}", Printed.read(number), ours[column]))
    return Sheet(title, f"Source: {golden['source']}.", tuple(rows))


def _params(name: str) -> dict[str, int]:
    cost = closed_form(member_model(name))
    return {"all": cost.params} | {part: one.params for part, one in cost.parts.items()}


def _macs(name: str) -> dict[str, int]:
    cost = closed_form(member_model(name))
    return {"all": cost.macs} | {part: one.macs for part, one in cost.parts.items()}


def _fvcore(name: str) -> dict[str, int]:
    model = member_model(name)
    return {"all": total_by(model, "fvcore")} | count_by(model, "fvcore")


def _totals(name: str) -> Mapping[str, int]:
    return _Totals(member_model(name))


class _Totals(dict[str, int]):
    """A model's totals by name: parameters, multiply-adds, or any convention."""

    def __init__(self, model: ModelSpec) -> None:
        cost = closed_form(model)
        super().__init__(params=cost.params, macs=cost.macs)
        self.model = model

    def __missing__(self, convention: str) -> int:
        return total_by(self.model, convention)


def _cells(name: str) -> dict[str, int]:
    model = member_model(name)
    graph, width = from_tree(model.feature_network.graph), model.feature_network.width
    channels = backbone_facts(model.backbone.name, graph.inputs).channels
    inferred = infer(graph, channels=channels, width=width, image_size=model.image_size)
    by_repeat: dict[int, int] = {}
    for node, facts in zip(graph.nodes, inferred.nodes, strict=True):
        by_repeat[node.repeat] = by_repeat.get(node.repeat, 0) + facts.params
    later = {params for repeat, params in by_repeat.items() if repeat > 1}
    assert len(later) == 1, "later cells are alike"
    return {"p6": by_repeat[0], "first cell": by_repeat[1], "each later cell": later.pop()}


def _unbiased(name: str) -> dict[str, int]:
    """Without the biases of projections (p6's and five raw edges'), nodes and hidden layers."""
    one, model = FAMILY[name], member_model(name)
    cells = {node["repeat"] for node in model.feature_network.graph["nodes"]} - {0}
    biased = 6 + 8 * len(cells) + 2 * one.head_depth
    return {"params": closed_form(model).params - one.width * biased}


def _printed() -> Sheet:
    """Every quote of params and FLOPs beside ours; FLOPs by the convention they were counted by."""
    rows = []
    for name, member in FAMILY.items():
        ours = _totals(name)
        for quote in member.published:
            if quote.source == TESTS:
                continue  # exact figures: they stand among the lite models'
            counted = quote.convention
            for what, figure, key in (
                ("params", quote.params, "params"),
                ("FLOPs", quote.macs, counted),
            ):
                reason = "" if figure.agrees(ours[key]) else quote.note
                rows.append(
                    Row(f"{FAMILY[name].short}, {what} ({quote.source})", figure, ours[key], reason)
                )
    words = (
        "What papers and READMEs print, beside ours. FLOPs are by the convention that the figure "
        f"was counted by: `{PRINTED_AS}`; of table 4, which is older, `{COUNTED[TABLE_4]}`."
    )
    return Sheet("Figures as papers and READMEs print them", words, tuple(rows))


def _quoted(title: str, quoted: Mapping[str, Any]) -> Sheet:
    words = (
        f"Quoted. Source: {quoted['source']}. Nothing of ours stands beside: no COCO lies where "
        "this page is made, and none of these machines; [anchors](#anchors) say how to check."
    )
    rows = ((FAMILY[name].short, *map(str, figures)) for name, figures in quoted["rows"].items())
    return Sheet(title, words, quotes=(("", *quoted["columns"]), *rows))
