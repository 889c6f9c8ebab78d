"""The log of a trial: what the harness says while it is trained, in a file of its own."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.files import is_local, write_whole


@contextmanager
def logged(path: Path, scratch: Path) -> Iterator[None]:
    """What the harness logs inside goes to a file as well: to `scratch` first if `path` is in a
    store, where nothing can be added to a file."""
    written = path if is_local(path) else scratch
    if _is_logged(written):
        yield
        return
    written.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(written, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger("harness")
    before = root.level
    root.addHandler(handler)
    root.setLevel(min(logging.INFO, root.getEffectiveLevel()))
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
        handler.close()
        if written != path:
            write_whole(path, written.read_bytes())


def _is_logged(path: Path) -> bool:
    handlers = logging.getLogger("harness").handlers
    here = os.path.abspath(path)
    return any(isinstance(h, logging.FileHandler) and h.baseFilename == here for h in handlers)
