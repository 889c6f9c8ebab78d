"""From a study and a choice to a complete `TrialSpec`: nothing is left to a default after this."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.errors import Fault, SpecError
from harness.records import Cost
from harness.space import axes
from harness.space.arms import home_of
from harness.space.choice import Choice
from harness.space.complete import complete_model, scaled
from harness.space.costing import closed_form
from harness.space.data import DataFacts, DataSpec
from harness.space.load import Steps
from harness.space.matched import at_matched_width
from harness.space.overlay import Placed, absolute, assign, overlay
from harness.space.study import Study, StudySpec
from harness.space.trial import Seeds, TrialSpec
from harness.space.validate import located, validated

__all__ = ["Choice", "FactsOf", "bind", "price"]

SAID_IN = ("arms.", "ablation.")
"""Where a study says what an arm sets."""

FactsOf = Callable[[DataSpec, int], DataFacts]
"""What is known of a dataset at an image size."""


def bind(study: Study, choice: Choice, seed: int, facts: FactsOf) -> TrialSpec:
    """The complete trial; a `SpecError` with file and line where a value does not fit."""
    choice = at_matched_width(study, choice, lambda one: _priced(study, one, seed, facts))
    with _Named(study, choice, lambda bare: bind(study, bare, seed, facts)):
        placed = _chosen(study, choice)
        spec = validated(StudySpec, placed)
        return _bound(study, spec, placed, seed, facts)


def price(study: Study, choice: Choice, spec: TrialSpec) -> Cost:
    """What a bound trial costs; a `SpecError` with file and line where its parts do not fit."""

    def without_arm(bare: Choice) -> None:
        price(study, bare, bind(study, bare, spec.seeds.init, lambda _data, _size: spec.facts))

    named = _Named(study, choice, without_arm)
    with named, _Located(_chosen(study, choice)), _Inside("model"):
        return closed_form(spec.model)


def _priced(study: Study, choice: Choice, seed: int, facts: FactsOf) -> Cost:
    return price(study, choice, bind(study, choice, seed, facts))


def _bound(study: Study, spec: StudySpec, placed: Placed, seed: int, facts: FactsOf) -> TrialSpec:
    """The trial a study without choices stands for."""
    with _Located(placed):
        model = scaled(spec.model)
        known = _facts(facts, spec.data, model.image_size)
        source = _source(study, spec, placed, facts)
        return TrialSpec(
            model=complete_model(model, len(known.categories), source, study.folder),
            recipe=spec.recipe,
            data=spec.data,
            facts=known,
            seeds=Seeds.all(seed),
            trainer=study.trainer.name if study.trainer else None,
        )


class _Located:
    """Adds file and line to the faults of what is bound inside."""

    def __init__(self, placed: Placed) -> None:
        self.placed = placed

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, SpecError):
            raise SpecError(located(self.placed, error.faults)) from None


class _Named:
    """Names the arm in the faults that would not be there without it, at the arm's own line."""

    def __init__(self, study: Study, choice: Choice, again: Callable[[Choice], object]) -> None:
        self.study, self.choice, self.again = study, choice, again

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, SpecError) and self.choice.fields:
            raise SpecError(self._named(error.faults)) from None

    def _named(self, faults: Sequence[Fault]) -> list[Fault]:
        others = self._faults_without()
        touched = {_section(path) for path in self.choice.fields}
        files = {place.file for place in self.study.placed.places.values()}
        of_arm = [
            fault
            for fault in faults
            if fault not in others
            and fault.file in files
            # Where the study alone has other faults, which may hide this one, it is the arm's
            # only if the arm says something there.
            and (not others or _section(fault.path) in touched)
        ]
        told = {fault: self._of_arm(fault) for fault in of_arm}
        said = [fault for fault in told.values() if fault.path.startswith(SAID_IN)]
        follows = [fault for fault in told.values() if not fault.path.startswith(SAID_IN)]
        return [*(fault for fault in faults if fault not in told), *said, *follows]

    def _faults_without(self) -> Sequence[Fault]:
        try:
            self.again(Choice("", {}, self.choice.values))
        except SpecError as error:
            return error.faults
        return ()

    def _of_arm(self, fault: Fault) -> Fault:
        """At the arm's field where the fault is in one, else at the arm."""
        arm = self.choice.arm
        for path in self.choice.fields:
            if fault.path == path or fault.path.startswith(f"{path}."):
                home = home_of(self.study.spec, arm, path)
                return replace(fault, path=f"{home}{fault.path[len(path) :]}")
        place = self.study.placed.place(("arms", arm))
        told = replace(fault, message=f"arm {arm!r}: {fault.message}")
        return told.at(place.file, place.line) if place else told


def _section(path: str) -> tuple[str, ...]:
    """The part of a study that a path is in: `data`, or a part of the model."""
    steps = axes.split(path)[:2]
    return tuple(map(str, steps if steps[:1] == ("model",) else steps[:1]))


def _chosen(study: Study, choice: Choice) -> Placed:
    """The study's tree with the choice in it; faults point at the arm or axis that said it."""
    placed = study.placed
    for path, value in choice.fields.items():
        placed = _set(placed, study.placed, path, value, ("arms", choice.arm, path))
    for path, value in choice.values.items():
        placed = _set(placed, study.placed, path, value, _said(study, path, value))
    return absolute(placed)


def _set(placed: Placed, whole: Placed, path: str, value: Any, said: Steps) -> Placed:
    """The tree with a value that the study says at some steps, with the lines inside it."""
    inner = whole.inside(said) if isinstance(value, Mapping) else {}
    return assign(placed, axes.split(path), value, whole.place(said), inner)


def _said(study: Study, path: str, value: Any) -> Steps:
    """Where an axis says a value: in its list, if it is a mapping, with lines of its own; or in
    what is searched."""
    search, values = study.spec.search, study.spec.vary.get(path, ())
    if search is not None and path not in study.spec.vary:
        return (*axes.SPACE, path) if path in search.space else ("search", "topology")
    if isinstance(value, Mapping) and value in values:
        return ("vary", path, values.index(value))
    return ("vary", path)


def _source(study: Study, spec: StudySpec, placed: Placed, facts: FactsOf) -> TrialSpec | None:
    """The pretraining trial: the study's backbone, image size and images, all else its own.

    It takes nothing from the study's recipe or arms, so studies that say the same source share it.
    """
    source = spec.model.backbone.source
    if source is None:
        return None
    own = placed.within(*axes.SOURCE)
    backbone = {"name": spec.model.backbone.name}
    base = Placed(
        {
            "question": "pretraining",
            "model": {"image_size": spec.model.image_size, "backbone": backbone},
            "data": placed.tree.get("data", {}),
        },
        {("data", *path): at for path, at in placed.within("data").places.items()},
    )
    over = {key: item for key, item in own.tree.items() if key != "seed"}
    base = absolute(overlay(base, Placed(over, own.places), lambda at: axes.merges(StudySpec, at)))
    with _Inside(".".join(axes.SOURCE)):
        return _bound(study.of_sources(), validated(StudySpec, base), base, source.seed, facts)


class _Inside:
    """Says of faults that they are inside a part of the study."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, SpecError):
            raise SpecError(
                [replace(fault, path=f"{self.path}.{fault.path}") for fault in error.faults]
            ) from None


def _facts(facts: FactsOf, data: DataSpec, image_size: int) -> DataFacts:
    try:
        return facts(data, image_size)
    except SpecError as error:
        raise SpecError(
            [
                fault if fault.file or fault.path.startswith("data") else _under("data", fault)
                for fault in error.faults
            ]
        ) from None


def _under(path: str, fault: Fault) -> Fault:
    return replace(fault, path=f"{path}.{fault.path}" if fault.path else path)
