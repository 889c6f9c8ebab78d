"""Topologies by name: the shipped zoo, and a user's own files beside a study.

A name is looked up beside the study, in its `topologies/`, then in the package. A file that hides
a shipped name is an error. A name is one word: it cannot lead out of those folders.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.errors import Fault, SpecError, did_you_mean
from harness.graph.expand import expand_into
from harness.graph.faults import Faults
from harness.graph.parse import read_topology
from harness.graph.spec import Topology
from harness.space.load import Source, read_yaml
from harness.space.names import topology_name

SHIPPED = Path(__file__).resolve().parents[1] / "topologies"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.ya?ml)?", re.ASCII)


def topology_names(beside: Path | None = None) -> tuple[str, ...]:
    """Names of shipped topologies, sorted; with `beside`, of those in its folders too."""
    folders = [SHIPPED, *(_folders(beside)[1:] if beside else [])]
    return tuple(sorted({file.stem for folder in folders for file in folder.glob("*.yaml")}))


def load_topology(name_or_path: str | Path, *, beside: Path | None = None) -> Topology:
    """A topology, checked whole; a `SpecError` with file and lines holds all its faults.

    beside: the folder of the study that names it. Without one, a path (with a slash or ending
    in `.yaml`) is read as a file.
    """
    file = find_topology(name_or_path, beside=beside)
    return _shipped(file.stem) if file.parent == SHIPPED else _loaded(file)


def said_topology(tree: Mapping[str, Any], *, beside: Path) -> Topology:
    """A topology said outright, as a file in the folder `beside` would say it.

    A `SpecError` holds the faults of what it says, with paths in the tree, and then those of its
    structure, too. Of one that is read without fault the structure is `expand`'s to check.
    """
    faults = Faults()
    topology = _read_tree({"name": topology_name(tree), **tree}, beside, faults)
    if faults or topology is None:
        if topology is not None:
            expand_into(topology, faults)
        raise SpecError(faults.all())
    return topology


def topology_source(name_or_path: str | Path, *, beside: Path | None = None) -> Source:
    """The file of a topology as read, so that a later fault can be given its line."""
    return _read(find_topology(name_or_path, beside=beside))


def find_topology(name_or_path: str | Path, *, beside: Path | None = None) -> Path:
    """The file of a topology."""
    name = str(name_or_path)
    if beside is None and (isinstance(name_or_path, Path) or "/" in name or _is_file_name(name)):
        return _not_hiding(Path(name))
    if not _NAME.fullmatch(name):
        raise SpecError(f"{name!r} is not the name of a topology: a name is one word")
    stem = re.sub(r"\.ya?ml$", "", name)
    for folder in _folders(beside):
        for file in (folder / f"{stem}.yaml", folder / f"{stem}.yml"):
            if file.is_file() and not (folder == beside and _is_study(file)):
                return _not_hiding(file)
    raise SpecError(f"no topology {name!r}{did_you_mean(stem, topology_names(beside))}")


def _is_study(file: Path) -> bool:
    """Whether a file beside a study is a study too: one may be called as its topology is."""
    tree = read_yaml(file).tree
    return isinstance(tree, Mapping) and "question" in tree


def _is_file_name(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _folders(beside: Path | None) -> list[Path]:
    own = [beside, beside / "topologies"] if beside is not None else []
    return [*own, SHIPPED]


def _not_hiding(file: Path) -> Path:
    shipped = SHIPPED / f"{file.stem}.yaml"
    if shipped.is_file() and file.is_file() and file.resolve() != shipped:
        reason = f"hides the shipped topology {file.stem!r}; give it another name"
        raise SpecError(Fault("", reason, str(file)))
    return shipped if file.resolve() == shipped else file


@lru_cache(maxsize=64)
def _shipped(name: str) -> Topology:
    return _loaded(SHIPPED / f"{name}.yaml")


@lru_cache(maxsize=64)
def _read_shipped(file: Path) -> Source:
    return read_yaml(file)


def _read(file: Path) -> Source:
    return _read_shipped(file) if file.parent == SHIPPED else read_yaml(file)


def _loaded(file: Path) -> Topology:
    source = _read(file)
    if "question" in source.tree:
        raise SpecError(Fault("", "is a study, not a topology: see `harness plan`", source.file))
    if "model" in source.tree:
        reason = "looks like a study that lacks 'question': a topology has no 'model'"
        raise SpecError(Fault("", reason, source.file))

    faults = Faults()
    topology = _read_tree({"name": file.stem, **source.tree}, file.parent, faults)
    if topology is not None:
        expand_into(topology, faults)
    if faults or topology is None:
        raise source.error(faults.all())
    return topology


def _read_tree(tree: Mapping[str, Any], beside: Path, faults: Faults) -> Topology | None:
    """A tree as far as it can be read. beside: where it finds others by name."""

    def lookup(name: str) -> Mapping[str, Any]:
        return _read(find_topology(name, beside=beside)).tree

    return read_topology(tree, faults, lookup)
