"""What a plan takes for granted of data that are not here, so that costs can be told without them.

Costs need of the data only the number of classes. A study that is meant for COCO and says no folder
is planned for the classes that `report.costs.classes` names. Nothing is trained on an assumption:
only a plan uses it.
"""

from harness.space.bind import FactsOf
from harness.space.data import DataFacts, DataSpec
from harness.space.study import StudySpec


def assumption(spec: StudySpec) -> str | None:
    """What is assumed of the data, in a sentence; None where they are looked at."""
    classes = _classes(spec, spec.data)
    if classes is None:
        return None
    return (
        f"no data.root is given: COCO is not here, so costs are for {classes} classes "
        "and trial ids are not final"
    )


def or_assumed(spec: StudySpec, facts: FactsOf) -> FactsOf:
    """Facts of data as they are, or assumed where the study's profile allows it."""

    def found(data: DataSpec, image_size: int) -> DataFacts:
        classes = _classes(spec, data)
        if classes is None:
            return facts(data, image_size)
        return class_facts(classes)

    return found


def class_facts(classes: int) -> DataFacts:
    """A data set as far as the shape of a model depends on it: so many classes."""
    return DataFacts(
        fingerprint="not looked at",
        categories=tuple(f"class {number}" for number in range(1, classes + 1)),
        train_images=1,
        val_images=1,
    )


def _classes(spec: StudySpec, data: DataSpec) -> int | None:
    costs = spec.report.costs
    return costs.classes if costs and data.name == "coco" and data.root is None else None
