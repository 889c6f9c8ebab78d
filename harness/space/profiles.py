"""From a study file to a `Study`: included file, file, profile over it, `--set` over that."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from harness.errors import Fault, SpecError, did_you_mean
from harness.space import axes
from harness.space.arms import with_arms
from harness.space.counting import CONVENTIONS
from harness.space.heads import part_names
from harness.space.limits import unknown_limits
from harness.space.load import Steps, read_text, read_yaml
from harness.space.names import SAFE_NAME, is_topology, topology_name
from harness.space.overlay import Place, Placed, absolute, assign, overlay, pruned
from harness.space.search_faults import search_faults
from harness.space.seeds import seed_faults, with_seeds
from harness.space.study import ARM, SEEDS, Study, StudySpec
from harness.space.validate import MISSING, located, steps_of, validated

DEFAULT_PROFILE = "laptop"


def load_study(
    path: str | Path,
    *,
    profile: str | None = None,
    sets: Sequence[str] = (),
    seeds: int | None = None,
) -> Study:
    """Read a study; a `SpecError` holds every fault with its file and line, or its option."""
    study, faults = read_study(path, profile=profile, sets=sets, seeds=seeds)
    if faults or study is None:
        raise SpecError(faults)
    return study


def read_study(
    path: str | Path,
    *,
    profile: str | None = None,
    sets: Sequence[str] = (),
    seeds: int | None = None,
) -> tuple[Study | None, Sequence[Fault]]:
    """A study and its faults; where there are some, what is left of it without their values."""
    file = Path(path)
    if file.is_dir():
        raise SpecError(Fault("", "is a folder, not a study", str(file)))
    _check_name(file.stem, str(file))
    whole = _with_include(_read(file), file.parent)
    name, placed = _with_profile(whole, profile, file)
    for option in sets:
        placed = _with_set(placed, option)
    if seeds is not None:
        placed = with_seeds(placed, seeds)
    placed = absolute(placed)
    faults: list[Fault] = []
    for _ in range(3):
        spec, placed, found = _validated(placed)
        if faults:  # what is left out for being wrong is not missing
            found = [fault for fault in found if MISSING not in fault.message]
        if spec is not None and not found:
            return Study(file.stem, name, file, spec, placed), faults
        faults += found
        placed = Placed({"question": "", **placed.tree}, placed.places)
        for fault in found:
            if not fault.message.startswith(MISSING):
                placed = pruned(placed, steps_of(placed.tree, fault.path))
    return None, list(dict.fromkeys(faults))


def _validated(placed: Placed) -> tuple[StudySpec | None, Placed, list[Fault]]:
    """The spec and its tree, with the arms that an ablation names; where there are faults, without
    the ablation, so that its arms are not made again."""
    try:
        spec = validated(StudySpec, placed)
        placed, faults = with_arms(placed, spec)
        if spec.ablation is not None:
            spec = validated(StudySpec, placed)
    except SpecError as error:
        return None, placed, list(error.faults)
    faults = located(placed, [*faults, *_faults(spec)])
    return spec, placed.without("ablation") if faults else placed, faults


def profile_names(path: str | Path) -> tuple[str, ...]:
    """The profiles a study file has, with those it includes."""
    file = Path(path)
    return tuple(_with_include(_read(file), file.parent).within("profiles").tree)


def _read(file: Path) -> Placed:
    source = read_yaml(file)
    if "question" not in source.tree and is_topology(source.tree):
        reason = "is a topology, not a study: `harness show` draws it"
        raise SpecError(Fault("", reason, source.file))
    places = {steps: Place(source.file, line) for steps, line in source.lines.items()}
    return Placed(source.tree, places)


def _merges(steps: Steps) -> bool:
    return axes.merges(StudySpec, steps)


def _with_include(placed: Placed, folder: Path) -> Placed:
    """The file over the one it includes: a plain file name, found beside it."""
    if "include" not in placed.tree:
        return placed
    name = placed.tree["include"]
    reason = ""
    if not isinstance(name, str) or not SAFE_NAME.fullmatch(name):
        reason = f"should be the name of a file beside this one, not {name!r}"
    elif not (folder / name).is_file():
        there = (file.name for file in folder.glob("*.yaml"))
        reason = f"no file {name!r} beside this one{did_you_mean(name, there)}"
    if reason:
        raise SpecError(located(placed, [Fault("include", reason)]))
    under = _read(folder / str(name))
    if "include" in under.tree:
        raise SpecError(located(under, [Fault("include", "an included file includes no other")]))
    whole = overlay(under, placed.without("include"), _merges)
    return Placed(whole.tree, whole.places | {(): placed.places[()]})


def _with_profile(whole: Placed, profile: str | None, file: Path) -> tuple[str, Placed]:
    profiles, base = whole.within("profiles"), whole.without("profiles")
    names = tuple(profiles.tree)
    if profile is None and DEFAULT_PROFILE not in names:
        profile = names[0] if names else None
        if profile is None:
            return "default", base
    name = profile or DEFAULT_PROFILE
    if name not in names:
        reason = f"no profile {name!r}{did_you_mean(name, names)}"
        if not names:
            reason = f"no profile {name!r}: this study has none, so leave --profile out"
        raise SpecError(Fault("profiles", reason).at(file, _line(whole, "profiles")))
    _check_name(name, str(file))
    chosen = profiles.within(name)
    if profiles.tree[name] is not None and not isinstance(profiles.tree[name], dict):
        raise SpecError(located(whole, [Fault(f"profiles.{name}", "should be a mapping")]))
    return name, overlay(base, chosen, _merges)


def _with_set(placed: Placed, option: str) -> Placed:
    path, equals, text = option.partition("=")
    place = Place(f"--set {option}")
    if not equals or not path.strip():
        raise SpecError(Fault("", "should be path=value", place.file))
    steps = axes.split(path.strip())
    try:
        value = read_text(text)
    except SpecError as error:
        raise SpecError([Fault("", f.message, place.file) for f in error.faults]) from None
    if steps[:1] == ("profiles",) or steps[:1] == ("include",):
        raise SpecError(Fault(path, "a profile is chosen by --profile", place.file))
    return assign(placed, steps, value, place)


def _faults(spec: StudySpec) -> list[Fault]:
    """What pydantic cannot see: names that must stand elsewhere in the file."""
    faults = []
    for path in spec.vary:
        wrong = axes.unknown_path(StudySpec, path)
        if wrong:
            faults.append(Fault(f"vary.{path}", wrong))
    for arm, overlaid in spec.arms.items():
        for path in overlaid:
            wrong = axes.unknown_path(StudySpec, path)
            if wrong and path != SEEDS:
                faults.append(Fault(f"arms.{arm}.{path}", wrong))
            if path in spec.vary:
                faults.append(Fault(f"arms.{arm}.{path}", "is an axis of `vary` too"))
    faults += seed_faults(spec)
    faults += unknown_limits(spec.limits)
    faults += _namesakes(spec)
    arms, report = tuple(spec.arms), spec.report
    faults += _unknown([spec.baseline] if spec.baseline else [], arms, "baseline", "arm")
    pairs = [arm for pair in report.contrasts for arm in pair]
    faults += _unknown(pairs, arms, "report.contrasts", "arm")
    faults += _unknown(report.spine, arms, "report.spine", "arm")
    faults += _published_faults(spec)
    axes_and_arms = (*spec.vary, *([ARM] if arms else []))
    faults += _unknown([report.family] if report.family else [], axes_and_arms, "report.family",
                       "axis")  # fmt: skip
    faults += _unknown([report.tuned] if report.tuned else [], spec.vary, "report.tuned", "axis")
    faults += search_faults(spec)
    return faults


def _namesakes(spec: StudySpec) -> list[Fault]:
    """Topologies of an axis that reports could not tell apart."""
    path = axes.join((*axes.NETWORK, "topology"))
    met: dict[str, Any] = {}
    faults = []
    for i, value in enumerate(spec.vary.get(path, ())):
        name = topology_name(value) if isinstance(value, dict) else str(value)
        if met.setdefault(name, value) != value:
            reason = f"another topology of this axis is called {name!r}: say another `name`"
            faults.append(Fault(f"vary.{path}.{i}", reason))
    return faults


def _published_faults(spec: StudySpec) -> list[Fault]:
    """Arms that rows are of, and what costs are counted by."""
    faults, arms = [], tuple(spec.arms)
    for i, row in enumerate(spec.published.rows if spec.published else ()):
        faults += _unknown([row.arm] if row.arm else [], arms, f"published.rows.{i}.arm", "arm")
        faults += _unknown(row.also, arms, f"published.rows.{i}.also", "arm")
    costs = spec.report.costs
    if costs is not None:
        part = [costs.part] if costs.part else []
        faults += _unknown(part, part_names(), "report.costs.part", "part")
        faults += _unknown([costs.convention], CONVENTIONS, "report.costs.convention", "convention")
        base = [costs.relative_to] if costs.relative_to else []
        faults += _unknown(base, arms, "report.costs.relative_to", "arm")
    return faults


def _unknown(names: Any, valid: Collection[str], path: str, kind: str) -> list[Fault]:
    return [
        Fault(path.format(name), f"no {kind} {name!r}{did_you_mean(name, valid)}")
        for name in dict.fromkeys(names)
        if name not in valid
    ]


def _check_name(name: str, file: str) -> None:
    if not SAFE_NAME.fullmatch(name):
        reason = f"name {name!r}: letters, digits, '_', '-' and '.' only"
        raise SpecError(Fault("", reason, file))


def _line(placed: Placed, *steps: str) -> int | None:
    place = placed.place(steps)
    return place.line if place else None
