"""Ops, heads and datasets of the user's own: modules named by `--plugin`, or by an entry point.

A plugin enters facts in the torch-free tables when it is imported (`harness.graph.ops`). Its
modules, which need torch, may stand in a submodule `modules`, imported when torch's side of the
harness is (`harness.ops`). No topology or study file can name a plugin: only the command line and
installed packages (entry points of the group `feature_network_harness`) can.
"""

import hashlib
import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from harness.errors import SpecError

GROUP = "feature_network_harness"

_loaded: dict[str, ModuleType] = {}
_with_torch = False


def load(names: Iterable[str]) -> None:
    """Import plugins by name, after those that installed packages bring.

    Raises `SpecError` for a module that cannot be imported.
    """
    for point in importlib.metadata.entry_points(group=GROUP):
        _load(point.value, f"entry point {point.name}")
    for name in names:
        _load(name, "--plugin")


def loaded() -> tuple[str, ...]:
    """Names of all plugins here, for `load` in another process."""
    return tuple(_loaded)


def load_modules() -> None:
    """Import the torch side of every plugin, now and of those that are loaded later."""
    global _with_torch
    _with_torch = True
    for module in list(_loaded.values()):
        _load_modules(module)


def sources_digest() -> str | None:
    """Digest of the sources of all plugins loaded so far; None where there are none.

    What is kept of a network by name would else outlive a change of its ops.
    """
    if not _loaded:
        return None
    found = hashlib.sha256()
    for name, module in sorted(_loaded.items()):
        found.update(name.encode())
        file = Path(module.__file__ or "")
        inside = sorted(file.parent.rglob("*.py")) if hasattr(module, "__path__") else [file]
        for path in inside:
            if path.is_file():
                found.update(path.read_bytes())
    return found.hexdigest()[:16]


def user_module(name: str) -> ModuleType:
    """A module by name, also from the folder the command was given in."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    return importlib.import_module(name)


def _load(name: str, said: str) -> None:
    if name in _loaded:
        return
    try:
        _loaded[name] = user_module(name)
        if _with_torch:
            _load_modules(_loaded[name])
    except (ImportError, ValueError) as error:
        raise SpecError(f"{said} {name}: {error}") from error


def _load_modules(module: ModuleType) -> None:
    inner = f"{module.__name__}.modules"
    if hasattr(module, "__path__") and importlib.util.find_spec(inner) is not None:
        importlib.import_module(inner)
