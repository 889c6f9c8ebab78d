"""A JSON list of any length, an entry at a time: a result file may be larger than memory."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from harness.errors import Fault, SpecError

BLOCK = 1 << 22
"""Characters read at once."""
LONGEST = 1 << 20
"""An entry that is still open so many characters after the place of a fault is not JSON."""
SPACE = re.compile(r"[ \t\r\n]*")


def entries(path: Path) -> Iterator[Any]:
    """The entries of a file that holds one JSON list; a `SpecError` with the line where it does
    not, and where the file cannot be opened."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _Reader(str(path), file).entries()
    except UnicodeDecodeError as error:
        raise SpecError(Fault("", f"not text in UTF-8: {error.reason}", str(path))) from None
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise SpecError(Fault("", what, str(path))) from None


class _Reader:
    """A window that moves over a file, with the line it is at."""

    def __init__(self, name: str, file: TextIO) -> None:
        self.name, self.file = name, file
        self.text, self.at, self.line = "", 0, 1
        self.decode = json.JSONDecoder().raw_decode

    def entries(self) -> Iterator[Any]:
        first = self._next()
        if first != "[":
            raise self._fault(_no_list(first, self.text))
        self.at += 1
        if self._next() == "]":
            self.at += 1
        else:
            yield from self._rest()
        if self._next():
            raise self._fault("more text after the end of the list")

    def _rest(self) -> Iterator[Any]:
        while True:
            self._next()
            yield self._value()
            mark = self._next()
            self.at += 1
            if mark == "]":
                return
            if mark != ",":
                self.at -= 1
                end = "the file ends within the list" if not mark else f"',' or ']', not {mark!r}"
                raise self._fault(f"not JSON: {end}" if not mark else f"not JSON: expected {end}")

    def _more(self) -> bool:
        """Read on; whether there was anything."""
        block = self.file.read(BLOCK)
        self.line += self.text.count("\n", 0, self.at)
        self.text, self.at = self.text[self.at :] + block, 0
        return bool(block)

    def _next(self) -> str:
        """The next character that is no space; empty at the end of the file."""
        while True:
            found = SPACE.match(self.text, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            if not self._more():
                return ""

    def _value(self) -> Any:
        while True:
            try:
                value, end = self.decode(self.text, self.at)
            except RecursionError:
                raise self._fault("not JSON that can be read: nested too deeply") from None
            except json.JSONDecodeError as error:
                if len(self.text) - error.pos > LONGEST or not self._more():
                    self.at = min(max(error.pos, self.at), len(self.text))
                    raise self._fault(f"not JSON: {error.msg}") from None
                continue
            if end == len(self.text) and self._more():
                continue  # a number may go on
            self.at = end
            return value

    def _fault(self, what: str) -> SpecError:
        line = self.line + self.text.count("\n", 0, self.at)
        return SpecError(Fault("", what, self.name, line))


def _no_list(first: str, text: str) -> str:
    if not first:
        return "the file is empty; no detections at all are written []"
    if first == "{" and '"annotations"' in text[:BLOCK]:
        return "is a ground truth or a whole dataset; detections are a list [{...}, ...]"
    if first == "{":
        return "is an object; detections are a list [{...}, ...]"
    return f"not a JSON list: begins with {first!r}"
