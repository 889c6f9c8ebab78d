"""What lies in a results folder that no record needs: found first, freed when that is asked for.

Records, attempts, logs, study files and truths are never touched, nor anything of a trial that
somebody is training, nor what a symbolic link leads to.
"""

import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.claims import CLAIM, Onlooker, here, read_claim
from harness.errors import LedgerError, SpecError
from harness.files import is_local
from harness.ledger import RECORD, from_json
from harness.outcomes import OUTCOMES
from harness.plurals import many
from harness.records import TrialRecord
from harness.space.names import SAFE_NAME
from harness.studies import profiles_of, read_study

DAY_S, HOUR_S = 86_400.0, 3_600.0
CHECKPOINTS = {"last": "last.pt", "best": "best.pt"}
KINDS = ("checkpoints", "detections", "backbones", "torn files", "dead claims", "tune", "caches")


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as left over."""

    days: float = 7
    """Age of what belongs to trials that have no finished record."""
    all_checkpoints: bool = False
    """Also those that records say are kept."""
    cache: bool = False
    """Features and generated images: they are made again when they are needed."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file or folder to free."""

    kind: str
    path: Path
    size: int
    """Bytes."""
    trial: str | None = None
    """Whose it is: it stays where that is being trained when it comes to freeing."""


@dataclass(frozen=True, slots=True)
class Found:
    """What would be freed, and what was passed over."""

    leftovers: tuple[Leftover, ...]
    notes: tuple[str, ...]


class _Folder:
    """A results folder as it is now."""

    def __init__(self, results: Path, rules: Rules, clock: Callable[[], float]) -> None:
        self.results, self.rules, self.now = results, rules, clock()
        self.notes: list[str] = []
        self.ledger = results / "ledger"
        self.trials = [path for path in _inside(self.ledger) if SAFE_NAME.fullmatch(path.name)]
        self.living = {path.name for path in self.trials if is_trained(path, self.now)}
        self.sources = self._sources()

    def _sources(self) -> set[str] | None:
        """Trials whose backbone a stored study names; None where that cannot be known."""
        found: set[str] = set()
        for folder in _inside(self.results / "studies"):
            for profile in profiles_of(self.results, folder.name):
                try:
                    found.update(read_study(self.results, folder.name, profile).sources)
                except LedgerError as error:
                    self.notes.append(f"backbones stay: {error}")
                    return None
        return found

    def record(self, trial: str) -> TrialRecord | None:
        """A record, read without setting a damaged one aside; a `LedgerError` for what is none."""
        try:
            return from_json((self.ledger / trial / RECORD).read_bytes())
        except FileNotFoundError:
            return None

    def is_old(self, path: Path, seconds: float) -> bool:
        return all(self.now - _changed(one) > seconds for one in (path, *_tree(path)))

    def leftover(self, kind: str, path: Path, trial: str | None = None) -> Leftover:
        return Leftover(kind, path, _size(path), trial)


def find_leftovers(results: Path, rules: Rules, clock: Callable[[], float] = time.time) -> Found:
    """Everything that could be freed; nothing is changed. A `SpecError` for stores."""
    if not is_local(results):
        raise SpecError(f"{results}: gc frees folders; a store has rules of its own for that")
    folder = _Folder(results, rules, clock)
    finders = (_checkpoints, _detections, _backbones, _torn, _claims, _tune, _caches)
    found = [one for finder in finders for one in finder(folder)]
    return Found(tuple({one.path: one for one in found}.values()), tuple(folder.notes))


def free(found: Sequence[Leftover], results: Path) -> int:
    """Delete them; bytes freed. What has come under a claim meanwhile stays."""
    freed = 0
    for one in found:
        if one.trial is not None and is_trained(results / "ledger" / one.trial, time.time()):
            continue
        if one.path.is_dir() and not one.path.is_symlink():
            shutil.rmtree(one.path)
        else:
            one.path.unlink(missing_ok=True)
        freed += one.size
        if one.kind == "checkpoints" and not any(one.path.parent.iterdir()):
            one.path.parent.rmdir()
    return freed


def is_trained(folder: Path, now: float) -> bool:
    """Whether a trial's folder has a claim that may live: of another machine, for an hour."""
    beat = read_claim(folder)
    if beat is None:
        return False
    if beat.place == here():
        return Onlooker().lives(beat)
    return now - _changed(folder / CLAIM) < HOUR_S


def _checkpoints(folder: _Folder) -> Iterator[Leftover]:
    """Of finished trials what their record does not keep; of others what is old."""
    for path in _inside(folder.results / "checkpoints"):
        trial = path.name
        if trial in folder.living or not SAFE_NAME.fullmatch(trial):
            continue
        try:
            spare = _spare(folder, path, folder.record(trial))
        except LedgerError as error:
            folder.notes.append(f"{path}: stays, its trial's record cannot be read: {error}")
            continue
        yield from (folder.leftover("checkpoints", file, trial) for file in spare)


def _spare(folder: _Folder, path: Path, record: TrialRecord | None) -> list[Path]:
    there = [file for file in (path / name for name in CHECKPOINTS.values()) if _is_file(file)]
    if record is None or record.status != "done":
        goes_on = record is not None and OUTCOMES[record.status].again != "asked"
        is_old = folder.is_old(path, folder.rules.days * DAY_S)
        return there if is_old and not goes_on else []
    keep = set() if folder.rules.all_checkpoints else {CHECKPOINTS.get(record.kept or "last", "")}
    wanted = folder.sources is None or path.name in folder.sources
    if wanted and not (folder.results / "backbones" / f"{path.name}.pt").exists():
        keep |= {CHECKPOINTS["last"]}  # its backbone is still to be taken out
    return [file for file in there if file.name not in keep]


def _detections(folder: _Folder) -> Iterator[Leftover]:
    """Those that neither the record nor an earlier attempt names."""
    for path in folder.trials:
        if path.name in folder.living:
            continue
        try:
            texts = [path / RECORD, *path.glob("attempt-*.json")]
            records = [from_json(text.read_bytes()) for text in texts if text.exists()]
        except LedgerError as error:
            folder.notes.append(f"{path}: detections stay, a record cannot be read: {error}")
            continue
        named = {name for record in records for name in (record.detections, record.matches)}
        for file in (*path.glob("detections*.npz"), *path.glob("matches-*.npz")):
            if file.name not in named and _is_file(file) and folder.is_old(file, HOUR_S):
                yield folder.leftover("detections", file, path.name)


def _backbones(folder: _Folder) -> Iterator[Leftover]:
    """Trained ones that no stored study takes over, when they are old."""
    if folder.sources is None:
        return
    for path in _inside(folder.results / "backbones", folders=False):
        trial = path.name.partition(".")[0]
        stays = trial in folder.sources or trial in folder.living
        if not stays and folder.is_old(path, folder.rules.days * DAY_S):
            yield folder.leftover("backbones", path, trial)


def _torn(folder: _Folder) -> Iterator[Leftover]:
    """What writers that died left beside the files they meant."""
    for path in _tree(folder.results):
        name = path.name
        if not (name.startswith(".") and name.endswith((".part", ".next"))):
            continue
        trial = path.parent.name if path.parent.parent == folder.ledger else None
        if trial not in folder.living and folder.is_old(path, HOUR_S):
            yield folder.leftover("torn files", path, trial)


def _claims(folder: _Folder) -> Iterator[Leftover]:
    for path in folder.trials:
        claim = path / CLAIM
        if path.name not in folder.living and _is_file(claim) and folder.is_old(claim, HOUR_S):
            yield folder.leftover("dead claims", claim, path.name)


def _tune(folder: _Folder) -> Iterator[Leftover]:
    """What Ray wrote of experiments: no run reads it again."""
    for path in _inside(folder.results / "tune"):
        if not folder.living and folder.is_old(path, HOUR_S):
            yield folder.leftover("tune", path)


def _caches(folder: _Folder) -> Iterator[Leftover]:
    if not folder.rules.cache:
        return
    if folder.living:
        folder.notes.append(f"caches stay: {many(len(folder.living), 'trial')} being trained")
        return
    for name in ("features", "shapes"):
        for path in _inside(folder.results / "cache" / name):
            yield folder.leftover("caches", path)


def _inside(path: Path, folders: bool = True) -> list[Path]:
    """Folders (or files) of a folder, none that is a link or is reached by one."""
    if path.is_symlink() or not path.is_dir():
        return []
    found = sorted(path.iterdir())
    return [one for one in found if not one.is_symlink() and (one.is_dir() == folders)]


def _tree(path: Path) -> Iterator[Path]:
    """Everything below a folder, folders too; links are neither given nor followed."""
    if path.is_symlink() or not path.is_dir():
        return
    for root, folders, files in os.walk(path, followlinks=False):
        for name in (*folders, *files):
            if not (found := Path(root) / name).is_symlink():
                yield found


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _changed(path: Path) -> float:
    """When it was last written, seconds; gone meanwhile counts as now."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return time.time()


def _size(path: Path) -> int:
    total = 0
    for one in (path, *_tree(path)):
        try:
            about = one.lstat()
        except OSError:
            continue
        total += about.st_size if stat.S_ISREG(about.st_mode) else 0
    return total
