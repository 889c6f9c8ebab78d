"""`harness check`: every fault of a study or topology file, without data and without torch."""

from collections.abc import Sequence
from pathlib import Path

from harness.errors import Fault, SpecError
from harness.graph import expand
from harness.search import grid
from harness.space.bind import bind, price
from harness.space.data import DataFacts, DataSpec
from harness.space.load import read_yaml
from harness.space.profiles import load_study, profile_names
from harness.space.zoo import load_topology

STUDY_KEYS = {"question", "include", "profiles", "vary", "arms", "seeds"}


def check_file(file: Path) -> Sequence[Fault]:
    """Faults of a file: a study where it has a study's fields, else a topology."""
    try:
        source = read_yaml(file)
        tree = source.tree if isinstance(source.tree, dict) else {}
        if tree.keys() & (STUDY_KEYS - {"include"}) == {"profiles"}:
            return ()
        if tree.keys() & STUDY_KEYS:
            return _check_study(file)
        topology = load_topology(str(file))
        expand(topology)
    except SpecError as error:
        return error.faults
    return ()


def check_build(file: Path) -> Sequence[Fault]:
    """What does not hold of the network a topology file makes, once it is built."""
    source = read_yaml(file)
    if isinstance(source.tree, dict) and source.tree.keys() & (STUDY_KEYS | {"include"}):
        return ()
    from harness.prove import prove

    graph = expand(load_topology(str(file)))
    return [Fault("", complaint, str(file)) for complaint in prove(graph)]


def _check_study(file: Path) -> Sequence[Fault]:
    """Every profile, every cell; the same fault in several of them is told once."""
    faults: dict[Fault, None] = {}
    for profile in profile_names(file) or (None,):
        try:
            study = load_study(file, profile=profile)
        except SpecError as error:
            faults.update(dict.fromkeys(error.faults))
            continue
        for choice in grid(study.spec):
            try:
                spec = bind(study, choice, study.spec.seed_list[0], _any_data)
                price(study, choice, spec)
            except SpecError as error:
                faults.update(dict.fromkeys(error.faults))
    return tuple(faults)


def _any_data(spec: DataSpec, image_size: int) -> DataFacts:
    """Stands for data that need not be there to check a file."""
    return DataFacts(
        fingerprint="not looked at",
        categories=tuple(f"class {number}" for number in range(80)),
        train_images=spec.train_images or 1,
        val_images=spec.val_images or 1,
    )
