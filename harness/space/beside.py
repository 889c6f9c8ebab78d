"""The paper's table beside ours: what a study's networks cost, in the form of each printed figure.

A row is quoted, ours is computed from the row's arm: params and FLOPs of the part and by the
convention that the study's `report.costs` names, and their ratios to an arm. AP and speed are
measured, so they are not here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import Fault, SpecError
from harness.space.costing import closed_form
from harness.space.counting import count_by, total_by
from harness.space.model import ModelSpec
from harness.space.printed import Printed
from harness.space.study import CostsStudy, PublishedRow, PublishedTable, StudySpec

COMPUTED = ("params", "macs", "params_ratio", "macs_ratio")
"""Figures that follow from a network alone."""
AGREES, WITHIN, DIFFERS = "=", "within", "differs"
"""What the row's arm prints; between what the arms of an open row print; neither."""

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Beside:
    """One row: printed figures, ours of the row's arm, and both ends where a row is open."""

    row: PublishedRow
    ours: Figures
    ends: Mapping[str, tuple[float, float]]
    """Lowest and highest over the arms that the row may be of; empty where there is one."""
    forms: Mapping[str, Printed]
    """How each figure is printed: in this row, or where most digits are given."""

    def words(self, figure: str) -> str:
        """Ours as the paper would print it: `0.88x`, or `0.70x to 0.74x`.

        Where it differs a digit more is said.
        """
        form = self.forms[figure]
        if figure in self.ends:
            return " to ".join(dict.fromkeys(map(form.like, self.ends[figure])))
        return form.like(self.ours[figure], more=int(self.mark(figure) == DIFFERS))

    def mark(self, figure: str) -> str:
        """Whether ours agrees, rounded as printed; empty where nothing is printed."""
        if figure not in self.row.figures or figure not in self.ours:
            return ""
        printed = Printed.read(self.row.figures[figure])
        if printed.agrees(self.ours[figure]):
            return AGREES
        low, high = self.ends.get(figure, (self.ours[figure],) * 2)
        holds = low <= printed.value <= high or printed.agrees(low) or printed.agrees(high)
        return WITHIN if holds else DIFFERS

    def as_data(self) -> dict[str, Any]:
        """The row as plain data, with `ours`, `ours_range`, `ours_as_printed` and `marks`."""
        return self.row.model_dump(mode="json") | {
            "ours": dict(self.ours),
            "ours_range": {name: list(ends) for name, ends in self.ends.items()},
            "ours_as_printed": {name: self.words(name) for name in self.ours},
            "marks": {name: self.mark(name) for name in self.ours if self.mark(name)},
        }


def beside(
    table: PublishedTable, costs: CostsStudy, models: Mapping[str, ModelSpec]
) -> tuple[Beside, ...]:
    """Each row of a published table with ours. models: the network of each arm that has one."""
    counted = {arm: _counted(model, costs) for arm, model in models.items()}
    base = counted.get(costs.relative_to or "")
    forms = _forms(table)
    rows = []
    for row in table.rows:
        mine = [_figures(counted[arm], base, forms) for arm in row.arms if arm in counted]
        own = forms | {name: Printed.read(text) for name, text in row.figures.items()}
        rows.append(Beside(row, mine[0] if mine else {}, _ends(mine), own))
    return tuple(rows)


def _forms(table: PublishedTable) -> dict[str, Printed]:
    """How each figure is printed, where most digits are given: for rows that have none."""
    forms: dict[str, Printed] = {}
    for row in table.rows:
        for name, text in row.figures.items():
            printed = Printed.read(text)
            if name not in forms or printed.digits > forms[name].digits:
                forms[name] = printed
    return forms


def _counted(model: ModelSpec, costs: CostsStudy) -> tuple[int, int]:
    """Params and FLOPs of the part that the table is of."""
    if costs.classes is not None:
        model = model.model_copy(update={"num_classes": costs.classes})
    cost = closed_form(model)
    if costs.part is not None and costs.part not in cost.parts:
        reason = f"no part {costs.part!r} in this model; it has {', '.join(cost.parts)}"
        raise SpecError(Fault("report.costs.part", reason))
    if costs.part is None:
        return cost.params, total_by(model, costs.convention)
    return cost.parts[costs.part].params, count_by(model, costs.convention)[costs.part]


def _figures(
    own: tuple[int, int], base: tuple[int, int] | None, forms: Mapping[str, Printed]
) -> Figures:
    """The figures that the table has a column for."""
    found: dict[str, float] = {"params": own[0], "macs": own[1]}
    if base is not None:
        found |= {"params_ratio": own[0] / base[0], "macs_ratio": own[1] / base[1]}
    return {name: found[name] for name in COMPUTED if name in found and name in forms}


def _ends(mine: Sequence[Figures]) -> dict[str, tuple[float, float]]:
    if len(mine) < 2:
        return {}
    return {
        name: (min(one[name] for one in mine), max(one[name] for one in mine)) for name in mine[0]
    }


def published_data(spec: StudySpec, models: Mapping[str, ModelSpec]) -> dict[str, Any] | None:
    """The study's `published` section as plain data; each row with ours where costs compare."""
    if spec.published is None:
        return None
    data = spec.published.model_dump(mode="json")
    if spec.report.costs is not None:
        rows = beside(spec.published, spec.report.costs, models)
        data |= {"costs": spec.report.costs.model_dump(mode="json")}
        data |= {"rows": [row.as_data() for row in rows]}
    return data
