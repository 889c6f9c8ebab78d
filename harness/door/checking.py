"""`harness check`: every fault of a study or topology file, without data and without torch."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import Fault, SpecError
from harness.graph import Graph, expand, infer
from harness.search import explicit
from harness.space.bind import bind, price
from harness.space.choice import Choice
from harness.space.data import DataFacts, DataSpec
from harness.space.load import Source, read_yaml
from harness.space.profiles import profile_names, read_study
from harness.space.study import Study, StudySpec
from harness.space.validate import MISSING
from harness.space.zoo import load_topology

WIDTH = 64
STUDY_KEYS = {*StudySpec.model_fields, "include", "profiles"} - {"published"}
"""`published` is a field of topologies too, and says nothing of what a file is."""
_NUMBERS = re.compile(r"(?<![\w.])\d+(?![\w.])")


def check_file(file: Path) -> Sequence[Fault]:
    """Faults of a file: a study where it has a study's fields, else a topology."""
    try:
        source = read_yaml(file)
        tree = source.tree if isinstance(source.tree, dict) else {}
        if tree.keys() & (STUDY_KEYS - {"include"}) == {"profiles"}:
            return ()
        if tree.keys() & STUDY_KEYS:
            return [_study_without_question(fault, tree) for fault in _check_study(file)]
        return _check_channels(source, expand(load_topology(str(file))))
    except SpecError as error:
        return error.faults


def _study_without_question(fault: Fault, tree: Mapping[str, Any]) -> Fault:
    """A file may be meant as a topology where nothing but its other fields says what it is."""
    lacks = fault.path == "" and fault.message == f"{MISSING}'question'"
    alone = lacks and "include" not in tree
    return replace(fault, message="looks like a study that lacks 'question'") if alone else fault


def check_build(file: Path) -> Sequence[Fault]:
    """What does not hold of the network a topology file makes, once it is built."""
    source = read_yaml(file)
    if isinstance(source.tree, dict) and source.tree.keys() & (STUDY_KEYS | {"include"}):
        return ()
    from harness.prove import prove

    try:
        complaints = prove(expand(load_topology(str(file))))
    except SpecError as error:
        return [_placed(fault, source) for fault in error.faults]
    return [Fault("", complaint, str(file)) for complaint in complaints]


def _check_channels(source: Source, graph: Graph) -> Sequence[Fault]:
    """Nodes whose inputs cannot meet, even where the backbone's maps have the width already."""
    try:
        infer(graph, channels=dict.fromkeys(graph.inputs, WIDTH), width=WIDTH, image_size=512)
    except SpecError as error:
        return list(dict.fromkeys(_placed(fault, source) for fault in error.faults))
    return ()


def _placed(fault: Fault, source: Source) -> Fault:
    """A fault of a node, at the node or the row that stands for it in the file."""
    _, _, name = fault.path.partition("nodes.")
    row = re.sub(r"^p\d+_", "", name)
    ends = (f"nodes.{name}", f"rows.{row}", row)
    paths = (".".join(map(str, steps)) for steps in source.lines)
    found = next((p for p in paths if any(p == e or p.endswith(f".{e}") for e in ends)), fault.path)
    message = f"{name} {fault.message}" if found != f"nodes.{name}" else fault.message
    return Fault(found, message).at(source.file, source.line(found))


def _check_study(file: Path) -> Sequence[Fault]:
    """Every profile, every cell; the same fault in several of them is told once."""
    faults: dict[Fault, None] = {}
    for profile in profile_names(file) or (None,):
        try:
            study, wrong = read_study(file, profile=profile)
        except SpecError as error:
            faults.update(dict.fromkeys(error.faults))
            continue
        faults.update(dict.fromkeys(wrong))
        if study is None:
            continue
        faults.update(dict.fromkeys(_check_data(study)))
        if study.spec.search is not None:
            faults.update(dict.fromkeys(_check_search(study)))
        for choice in explicit(study.spec):
            try:
                spec = bind(study, choice, study.spec.seeds_of(choice.arm)[0], _any_data)
                price(study, choice, spec)
            except SpecError as error:
                # What is left out for being wrong is not missing
                found = [f for f in error.faults if not (wrong and MISSING in f.message)]
                faults.update(dict.fromkeys(found))
    return _once(faults)


def _check_data(study: Study) -> Sequence[Fault]:
    """The name of a dataset that there is not: of the study, or of an arm or axis of it."""
    from harness.data import DATASETS

    def named(spec: DataSpec, image_size: int) -> DataFacts:
        DATASETS.get(spec.name)
        return _any_data(spec, image_size)

    for choice in (Choice("", {}, {}), *explicit(study.spec)):
        says = {**choice.fields, **choice.values}
        name = says.get("data.name", study.spec.data.name if not choice.arm else "shapes")
        if name not in DATASETS:
            try:
                bind(study, choice, study.spec.seeds_of(choice.arm)[0], named)
            except SpecError as error:
                return [fault for fault in error.faults if "no dataset " in fault.message]
    return ()


def _check_search(study: Study) -> Sequence[Fault]:
    """Faults of a space, and those of its points where none of many can be built."""
    from harness.searching import Gate, drawn, unbuildable

    try:
        screened = drawn(study, Gate(study, _any_data))
    except SpecError as error:
        return error.faults
    return unbuildable(screened)


def _once(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Of faults that differ by the widths of a profile's backbone alone, the first."""
    kept: dict[Fault, Fault] = {}
    for fault in faults:
        of_widths = " channels" in fault.message
        text = _NUMBERS.sub("", fault.message) if of_widths else fault.message
        kept.setdefault(replace(fault, message=text), fault)
    return tuple(kept.values())


def _any_data(spec: DataSpec, image_size: int) -> DataFacts:
    """Stands for data that need not be there to check a file."""
    return DataFacts(
        fingerprint="not looked at",
        categories=tuple(f"class {number}" for number in range(80)),
        train_images=spec.train_images or 1,
        val_images=spec.val_images or 1,
    )
