"""Installed packages beside the ranges that are supported and the pins that tests run with."""

import platform
import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from harness.doctor.finding import Finding, Setting

DISTRIBUTION = "feature-network-harness"
PINS = Path(__file__).parents[2] / "constraints.txt"
"""In a checkout; an installed package has none."""


def versions(setting: Setting) -> Finding:
    """Holds where every package that is needed is there, in a supported version.

    Another version than the pinned one is told and faults nothing: only last digits may differ.
    """
    try:
        wanted = tuple(required())
    except metadata.PackageNotFoundError:
        return Finding.not_run(f"{DISTRIBUTION} is not installed, so it has no ranges to look up")
    pinned = pins(PINS) if PINS.is_file() else None
    return judged(wanted, {one.name: installed(one.name) for one in wanted}, pinned)


def judged(
    wanted: tuple[Requirement, ...],
    there: Mapping[str, str | None],
    pinned: Mapping[str, str] | None,
) -> Finding:
    """there: installed versions by name. pinned: None where there are no pins to compare with."""
    outside = [_outside(one, there[one.name]) for one in wanted]
    wrong = [words for words in outside if words]
    figures = {name: there[name] for name in there} | {"python": platform.python_version()}
    if wrong:
        return Finding.of(False, "; ".join(wrong), **figures)
    said = f"{len(wanted)} packages and Python {platform.python_version()} as supported"
    if pinned is None:
        return Finding.of(True, f"{said}; no constraints.txt here to compare with", **figures)
    other = {
        name: f"{version} (pinned {pinned[_key(name)]})"
        for name, version in there.items()
        if version and _key(name) in pinned and _bare(version) != _bare(pinned[_key(name)])
    }
    if not other:
        return Finding.of(True, f"{said}, all as pinned in constraints.txt", **figures)
    apart = ", ".join(f"{name} {words}" for name, words in other.items())
    return Finding.of(True, f"{said}; other than tests run with: {apart}", **figures)


def required() -> Iterator[Requirement]:
    """What this package needs to run, and its Python, extras left out."""
    yield Requirement(f"python {metadata.metadata(DISTRIBUTION)['Requires-Python']}")
    for line in metadata.requires(DISTRIBUTION) or ():
        one = Requirement(line)
        if one.marker is None or one.marker.evaluate({"extra": ""}):
            yield one


def installed(name: str) -> str | None:
    if name == "python":
        return platform.python_version()
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def pins(file: Path) -> dict[str, str]:
    """`name==version` lines, by name."""
    lines = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
    pairs = (line.split("==", 1) for line in lines if "==" in line)
    return {_key(name.strip()): version.strip() for name, version in pairs}


def _outside(wanted: Requirement, version: str | None) -> str:
    """What is wrong with a version; empty where nothing is."""
    ranges: SpecifierSet = wanted.specifier
    if version is None:
        return f"{wanted.name} is not installed (needs {ranges or 'any version'})"
    fits = ranges.contains(Version(version), prereleases=True)
    return "" if fits else f"{wanted.name} {version} is outside of {ranges}"


def _key(name: str) -> str:
    """A name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _bare(version: str) -> str:
    """Without the build that was chosen for a device: 2.11.0+cpu is 2.11.0."""
    return version.partition("+")[0]
