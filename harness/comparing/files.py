"""Result files as arms: one file a seed, `:` between arms."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.comparing.detections import Answers, read_answers
from harness.comparing.doubts import low_words, uneven
from harness.comparing.matching import figures_and_draws, matches_of
from harness.comparing.measured import Measured, Network
from harness.comparing.nearest import nearest_file
from harness.comparing.truth import Truth, read_truth
from harness.errors import Fault, SpecError
from harness.matches import Matches
from harness.plurals import many

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class FileArms:
    """Arms read from files."""

    truth: Truth
    arms: tuple[Measured, ...]
    notes: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    """Why files may not be comparable at all."""


def arms_of(words: Sequence[str], names: str | None) -> dict[str, tuple[Path, ...]]:
    """Files by arm, from `a1.json a2.json : b1.json`; `SpecError` where that is no comparison."""
    groups: list[list[str]] = [[]]
    for word in words:
        if word == ":":
            groups.append([])
        else:
            groups[-1].append(word)
    if len(groups) < 2:
        raise SpecError("one arm is no comparison: put ':' between arms, a1.json a2.json : b1.json")
    faults = [
        Fault("", f"arm {place} has no file") for place, files in enumerate(groups, 1) if not files
    ]
    given = _names(groups, names, faults)
    faults += [
        Fault("", f"{file}: given twice in arm {name}; copies are not seeds")
        for name, files in zip(given, groups, strict=True)
        for file in _twice(files)
    ]
    faults += [
        Fault("", f"no such file{nearest_file(Path(file))}", file)
        for file in dict.fromkeys(file for files in groups for file in files)
        if not Path(file).is_file()
    ]
    if faults:
        raise SpecError(faults)
    return {name: tuple(map(Path, files)) for name, files in zip(given, groups, strict=True)}


def _names(groups: Sequence[Sequence[str]], names: str | None, faults: list[Fault]) -> list[str]:
    """As asked for; else what the files of an arm begin with; else letters."""
    letters = [*LETTERS, *(f"arm {n}" for n in range(27, len(groups) + 1))][: len(groups)]
    if names is None:
        found = [_stem(files) for files in groups]
        return found if all(found) and len(set(found)) == len(found) else letters
    asked = [name.strip() for name in names.split(",")]
    if len(asked) != len(groups):
        counts = f"{many(len(asked), 'name')} for {many(len(groups), 'arm')}"
        faults.append(Fault("", f"--names {names}: {counts}"))
    elif not all(asked) or len(set(asked)) != len(asked):
        faults.append(Fault("", f"--names {names}: every arm needs a name of its own"))
    else:
        return asked
    return letters


def _stem(files: Sequence[str]) -> str:
    """`bifpn` of bifpn_seed0.json and bifpn_seed1.json."""
    stems = [Path(file).stem for file in files]
    if len(stems) == 1:
        return stems[0]
    shared = "".join(_common(stems))
    return re.sub(r"(?i)[\W_]*(seed|run|s|r)?[\W_\d]*$", "", shared) if shared else ""


def _common(words: Sequence[str]) -> Iterator[str]:
    """The letters that words begin with alike."""
    for letters in zip(*words, strict=False):
        if len(set(letters)) > 1:
            return
        yield letters[0]


def _twice(files: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for file in files:
        real = os.path.realpath(file)
        if real in seen:
            yield file
        seen.add(real)


def read_files(
    truth_file: Path, arms: Mapping[str, Sequence[Path]], draws: int, seed: int, say: Say
) -> FileArms:
    """Read and check all first, with every fault at once; then match each, a file at a time.

    say: told which file is matched.
    """
    truth = read_truth(truth_file)
    read = _read(truth, arms)
    notes = list(_shared(read))
    doubts = list(uneven([one for answers in read.values() for one in answers], truth))
    measured = []
    for name, answers in read.items():
        networks = []
        for number in range(len(answers)):
            one = answers.pop(0)  # a file's arrays go as soon as it is matched
            say(f"{name}: {one.file}, {len(one):,} detections")
            if not len(one):
                notes.append(f"{one.file} has no detections: its AP is 0")
            matches = matches_of(truth, one)
            kept = _held(matches) if len(arms[name]) == 1 else None
            figures, drawn = figures_and_draws(matches, draws, seed)
            if asked := low_words(truth, one, figures["ap"]):
                doubts.append(asked)
            networks.append(Network(one.file, number, figures, drawn, kept))
        measured.append(Measured(name, tuple(networks)))
    return FileArms(truth, tuple(measured), tuple(notes), tuple(doubts))


def _held(matches: Matches) -> Callable[[], Matches]:
    return lambda: matches


def _read(truth: Truth, arms: Mapping[str, Sequence[Path]]) -> dict[str, list[Answers]]:
    """What every file says; a `SpecError` with the faults of all of them."""
    faults: list[Fault] = []
    read: dict[str, list[Answers]] = {name: [] for name in arms}
    for name, files in arms.items():
        for file in files:
            try:
                read[name].append(read_answers(file, truth))
            except SpecError as error:
                faults += error.faults
        faults += _copies(name, read[name])
    if faults:
        raise SpecError(faults)
    return read


def _copies(name: str, answers: Sequence[Answers]) -> Iterator[Fault]:
    """Files of one arm that say the same. Several networks may find nothing, though."""
    seen: dict[str, str] = {}
    for one in answers:
        if len(one) and (first := seen.setdefault(one.digest, one.file)) != one.file:
            what = f"holds what {first} holds, in arm {name} both; copies are not seeds"
            yield Fault("", what, one.file)


def _shared(read: Mapping[str, Sequence[Answers]]) -> Iterator[str]:
    """Notes of files that say the same in two arms."""
    seen: dict[str, tuple[str, str]] = {}
    for name, answers in read.items():
        for one in answers:
            if len(one):
                other, first = seen.setdefault(one.digest, (name, one.file))
                if other != name:
                    yield f"{one.file} (arm {name}) holds what {first} (arm {other}) holds"
