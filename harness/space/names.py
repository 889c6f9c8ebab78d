"""Names that become files or folders, and names of what has none."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""Such a name cannot leave the folder it is put in."""

TOPOLOGY_KEYS = frozenset({"rows", "nodes", "stages", "derive"})
"""One of them makes a tree a topology."""


def tree_hash(tree: Mapping[str, Any]) -> str:
    """Six hex digits of what a tree says, whatever the order of its fields: for names."""
    text = json.dumps(tree, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def is_topology(tree: Mapping[str, Any]) -> bool:
    """Whether a mapping in a study is a topology, said outright."""
    return not TOPOLOGY_KEYS.isdisjoint(tree)


def topology_name(tree: Mapping[str, Any]) -> str:
    """What a topology that is said in a study is called: its own name, or `unnamed_3f2a1c`."""
    name = tree.get("name")
    return name if isinstance(name, str) else f"unnamed_{tree_hash(tree)}"
