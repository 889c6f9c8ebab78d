"""A searcher's log on disk: whole transactions or nothing, in Optuna's journal format.

It stands for Optuna's own file backend (`JournalFileBackend` reads what it writes). That one
flushes each of the dozen lines of a proposal, and stops at a torn one. Here a transaction ends
with a mark and is written at once; a tail without its mark never happened and is cut off.
"""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.errors import LedgerError

MARK = "whole_until"
"""The study attribute that ends a transaction."""


class Journal:
    """Log lines of one search. One writer at a time."""

    def __init__(self, path: Path | None, is_reader: bool = False) -> None:
        """path: None keeps nothing. A `LedgerError` where another run writes it."""
        self.path, self._lock = path, None
        self._keeps = path is not None and not is_reader
        if path is not None and self._keeps:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(path)
        self.logs: list[dict[str, Any]] = []
        self._fresh: list[str] = []
        self._size = 0
        if path is not None and path.exists():
            self._read(path)

    def append_logs(self, logs: Sequence[dict[str, Any]]) -> None:
        """For Optuna: nothing is on disk until `commit`."""
        lines = [json.dumps(log, separators=(",", ":")) for log in logs]
        self._fresh += lines
        self.logs += map(json.loads, lines)

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """For Optuna."""
        return self.logs[log_number_from:]

    def commit(self) -> None:
        """On disk when this returns; where the disk is full, as it was before."""
        if not self._fresh or self.path is None or not self._keeps:
            return
        content = "".join(f"{line}\n" for line in self._fresh).encode()
        try:
            with self.path.open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self._cut(self.path)
            raise LedgerError(f"{self.path}: {error.strerror}") from None
        self._size += len(content)
        self._fresh = []

    def close(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _read(self, path: Path) -> None:
        """Whole transactions; what comes after the last is a write that was cut short."""
        content = path.read_bytes()
        pending: list[dict[str, Any]] = []
        at, damaged = 0, ""
        for number, line in enumerate(content.splitlines(keepends=True), 1):
            at += len(line)
            try:
                log = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                log = None
            if not isinstance(log, dict):
                damaged = damaged or f"line {number} is damaged"
                continue
            pending.append(log)
            if MARK in log.get("user_attr", ()) and "study_id" in log:
                if damaged:
                    reason = "move it away: what it found is in the ledger and costs nothing again"
                    raise LedgerError(f"{path}: {damaged}; {reason}")
                self.logs += pending
                pending, self._size = [], at
        if self._size < len(content) and self._keeps:
            self._cut(path)

    def _cut(self, path: Path) -> None:
        try:
            os.truncate(path, self._size)
        except OSError as error:
            raise LedgerError(f"{path}: {error.strerror}") from None


def _locked(path: Path) -> FileLock | None:
    """The right to write, which ends with the process. None where a file system has no locks."""
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LedgerError(f"{path}: another run of this search is at work") from None
    except (OSError, NotImplementedError):
        return None
    return lock
