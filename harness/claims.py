"""Claims: `results/ledger/<id>/claim.json` says who trains a trial, and how far it is.

A claim saves work and decides nothing: the first finished record of a trial stays, whoever wrote
it. Its owner changes it every few seconds. It is dead when its process is gone (seen at once on
the same machine) or when it has not changed for `STALE_S` seconds of the onlooker's own clock,
so that clocks of machines need not agree.
"""

import contextlib
import dataclasses
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from platform import node
from typing import Any

from harness.errors import Elsewhere
from harness.files import create_whole, write_whole

CLAIM = "claim.json"
BEAT_S = 5.0
STALE_S = 30.0
"""Seconds without a beat after which a claim of another machine is dead."""


@dataclass(frozen=True, slots=True)
class Beat:
    """What a claim says: its owner, its last sign of life, and the progress of the trial."""

    owner: str
    """Unique to one taking of the claim."""
    place: str
    """Machine, boot and process namespace: where `pid` means something."""
    host: str
    pid: int
    born: str | None
    """Start time of the process: a number is given to another process one day."""
    started: str
    """UTC, ISO 8601."""
    beat: int = 0
    """Counts up while the owner lives."""
    beaten: str = ""
    """UTC, ISO 8601, by the owner's clock: for people."""
    epoch: int = 0
    epochs: int = 0
    seconds: float | None = None
    """Of the last epoch."""
    loss: float | None = None
    ap: float | None = None
    images_per_second: float | None = None
    device: str | None = None
    peak_memory_mb: float | None = None


PROGRESS = (
    "epoch",
    "epochs",
    "seconds",
    "loss",
    "ap",
    "images_per_second",
    "device",
    "peak_memory_mb",
)


def read_claim(folder: Path) -> Beat | None:
    """The claim in a trial's folder, or None where there is none that can be read."""
    return _read(folder / CLAIM)


def began_under(folder: Path, started: str) -> bool:
    """Whether what started then (ISO 8601) is of the attempt whose claim lies in a trial's folder;
    true where none lies there."""
    claim = read_claim(folder)
    if claim is None:
        return True
    taken = datetime.fromisoformat(claim.started).replace(microsecond=0)
    return datetime.fromisoformat(started) >= taken


def _read(path: Path) -> Beat | None:
    try:
        tree = json.loads(path.read_bytes())
        return Beat(**tree)
    except (OSError, ValueError, TypeError):
        return None


@dataclass(slots=True)
class Onlooker:
    """Decides whether claims of others live, from what it has seen of them."""

    clock: Callable[[], float] = time.monotonic
    seen: dict[str, tuple[int, float]] = field(default_factory=dict)
    """By owner: the last beat that was new, and when."""

    def lives(self, beat: Beat) -> bool:
        if beat.place == here() and born(beat.pid) != beat.born:
            return False
        last = self.seen.get(beat.owner)
        if last is None or last[0] != beat.beat:
            self.seen[beat.owner] = (beat.beat, self.clock())
            return True
        return self.clock() - last[1] < STALE_S


class Claim:
    """A claim that is held: a thread keeps it alive until it is released."""

    def __init__(self, folder: Path, beat: Beat) -> None:
        self.path, self.beat = folder / CLAIM, beat
        self._changed = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True, name="claim")
        self._thread.start()

    def tell(self, facts: Mapping[str, Any]) -> None:
        """Progress of the trial, for whoever watches; what is no progress is passed over."""
        told = {name: facts[name] for name in PROGRESS if facts.get(name) is not None}
        self._write(told)

    def release(self) -> None:
        self._over.set()
        self._thread.join()
        with self._changed, contextlib.suppress(OSError):
            if (kept := read_claim(self.path.parent)) and kept.owner == self.beat.owner:
                self.path.unlink(missing_ok=True)

    def _live(self) -> None:
        while not self._over.wait(BEAT_S):
            self._write({})

    def _write(self, told: Mapping[str, Any]) -> None:
        """A full disk or a lost share must not end the trial: the claim then goes stale."""
        with self._changed, contextlib.suppress(OSError):
            beat = dataclasses.replace(self.beat, beat=self.beat.beat + 1, beaten=now(), **told)
            self.beat = beat
            kept = read_claim(self.path.parent)
            if kept is None or kept.owner == beat.owner:  # else another took it for dead
                write_whole(self.path, json.dumps(dataclasses.asdict(beat)))


def take(folder: Path, onlooker: Onlooker) -> Claim | None:
    """The claim of the trial in `folder`; None while another process that lives has it."""
    other = read_claim(folder)
    if other is not None and onlooker.lives(other):
        return None
    moment = now()
    own = Beat(uuid.uuid4().hex, here(), node(), os.getpid(), born(os.getpid()), moment, 0, moment)
    if other is None:
        _remove_torn(folder)
        taken = create_whole(folder / CLAIM, json.dumps(dataclasses.asdict(own)))
    else:
        taken = _succeed(folder, other, own, onlooker)
    return Claim(folder, own) if taken else None


@contextmanager
def held(
    folder: Path, poll_s: float = 1.0, *, is_over: Callable[[], bool] = lambda: False
) -> Iterator[tuple[Claim, bool]]:
    """Holds the claim for the length of a block; waits for another process that lives, at most
    until `is_over` says so: then it raises `Elsewhere`.

    With it, whether there was one to wait for: it may have done the trial meanwhile. Inside a
    block of the same folder it is the claim that is held already.
    """
    outer = _held.get()
    if outer is not None and outer.path == folder / CLAIM:
        yield outer, False
        return
    onlooker, waited = Onlooker(), False
    while (claim := take(folder, onlooker)) is None:
        waited = True
        if is_over():
            raise Elsewhere("the run's time was over while another process trained it")
        time.sleep(poll_s)
    token = _held.set(claim)
    try:
        yield claim, waited
    finally:
        _held.reset(token)
        claim.release()


_held: ContextVar[Claim | None] = ContextVar("held claim", default=None)


def _succeed(folder: Path, dead: Beat, own: Beat, onlooker: Onlooker) -> bool:
    """Put a claim in the place of a dead one. Of several takers, who makes the mark does it."""
    mark, text = folder / f".{CLAIM}.{dead.owner}.next", json.dumps(dataclasses.asdict(own))
    if not create_whole(mark, text):
        other = _read(mark)
        if other is None or not onlooker.lives(other):  # it died between mark and claim
            mark.unlink(missing_ok=True)
        return False
    try:
        kept = read_claim(folder)
        if kept is None or kept.owner != dead.owner:  # a late taker: it has a successor
            return False
        write_whole(folder / CLAIM, text)
        return True
    finally:
        mark.unlink(missing_ok=True)


def _remove_torn(folder: Path) -> None:
    """A claim that cannot be read was torn with its machine."""
    with contextlib.suppress(OSError):
        if (folder / CLAIM).exists() and read_claim(folder) is None:
            (folder / CLAIM).unlink()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def here() -> str:
    """This machine since its last boot, as processes see it from inside a container."""
    words = [node()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        with contextlib.suppress(OSError):
            words.append(os.readlink(path) if "/ns/" in path else Path(path).read_text().strip())
    return " ".join(words)


def born(pid: int) -> str | None:
    """When a process of this machine started, in a form that no other process has; None: gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        return _born_elsewhere(pid)
    except OSError:
        return None
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else fields[19]


def _born_elsewhere(pid: int) -> str | None:
    """Where there is no /proc: that the process is there is all that is known."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return "there"
