"""Files that are there whole or not at all, in a folder or in an object store.

A place is a `pathlib.Path`, or a `upath.UPath` (the same methods over fsspec) for addresses such
as `s3://bucket/results`. Stores write whole objects by themselves; folders need a rename.
"""

import contextlib
import hashlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path

from harness.errors import SpecError


def place(text: str | Path) -> Path:
    """The folder or store that a `--results` names; a `SpecError` where it cannot be opened."""
    if "://" not in str(text):
        return Path(text).resolve()
    from upath import UPath

    try:
        found = UPath(str(text))
        found.fs  # noqa: B018  # opened now, so that a missing driver is told before anything runs
    except (ImportError, ValueError) as error:
        raise SpecError(f"{text}: {error}") from None
    return found  # type: ignore[return-value]


def is_local(path: Path) -> bool:
    return isinstance(path, Path)


def scratch_of(path: Path) -> Path:
    """A folder of this machine's for what need not be shared: the place itself where it is one."""
    if is_local(path):
        return path
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    return base / "feature-network-harness" / "stores" / name


def write_whole(path: Path, content: str | bytes) -> None:
    """Write beside `path`, flush to disk, rename: readers see the old file or the new one."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    if not is_local(path):
        path.write_bytes(data)
        return
    beside = _written_beside(path, data)
    try:
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def create_whole(path: Path, content: str | bytes) -> bool:
    """As `write_whole`, where there is no such file yet; False, and nothing done, where there is.

    In a folder that is decided by the file system, also between machines. A store has no such
    test: there the last of two writers that meet within moments stays.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return False
    if not is_local(path):
        path.write_bytes(data)
        return True
    beside = _written_beside(path, data)
    try:
        return _linked(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def supersede(
    path: Path, content: str | bytes, aside: Path, is_old: Callable[[bytes], bool]
) -> bool:
    """Move the file at `path` aside and put another there, on disk before the first is moved.

    is_old: whether what stands there is what is to be moved. False where another writer came
    first: then its file stays. It is asked again of what was moved: that may have come between.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        old = path.read_bytes()
    except FileNotFoundError:
        return False
    if not is_old(old):
        return False
    if not is_local(path):
        aside.write_bytes(old)
        path.write_bytes(data)
        return True
    beside = _written_beside(path, data)
    taken = beside.with_suffix(".taken")
    try:
        path.rename(taken)
        if not is_old(taken.read_bytes()):
            taken.replace(path)
            return False
        taken.rename(aside)
        return _linked(beside, path)
    except FileNotFoundError:  # another has moved it
        return False
    finally:
        beside.unlink(missing_ok=True)


def _linked(beside: Path, path: Path) -> bool:
    """Give a written file its name, unless the name is taken: the file system decides."""
    try:
        os.link(beside, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if path.exists():
            return False
        beside.replace(path)
    return True


def _written_beside(path: Path, data: bytes) -> Path:
    """A file beside `path` with its content to be, on disk."""
    beside = path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    return beside
