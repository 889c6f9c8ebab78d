"""Before anything is trained on a cluster that is there: do its nodes see what we see?"""

import platform
import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.errors import EngineError
from harness.files import write_whole

PACKAGES = ("feature-network-harness", "torch", "torchvision", "ray")
"""Whose versions have to be the driver's on every node."""
ANSWER_S = 120.0
"""Longest that a node may take to answer: its first worker has to start."""


def check(ray: Any, results: Path) -> None:
    """An `EngineError` that names each node which differs from the driver, and in what."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nonce = results / f".preflight-{uuid.uuid4().hex}"
    write_whole(nonce, "")
    try:
        asked = {}
        for node in ray.nodes():
            if not node["Alive"] or node["Resources"].get("CPU", 0) <= 0:
                continue  # a head without cores trains nothing
            place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = ray.remote(num_cpus=0, scheduling_strategy=place)(look)
            asked[f"{node['NodeManagerHostname']} ({node['NodeID'][:8]})"] = task.remote(nonce)
        faults = [f"{name}: {said}" for name, ref in asked.items() for said in _answer(ray, ref)]
    finally:
        nonce.unlink(missing_ok=True)
    if faults:
        raise EngineError("the cluster's nodes differ from here:\n  " + "\n  ".join(faults))


def look(nonce: Path) -> tuple[bool, dict[str, str]]:
    """On a node: whether the driver's file is seen there, and the versions there."""
    return nonce.exists(), versions()


def versions() -> dict[str, str]:
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def _answer(ray: Any, ref: Any) -> list[str]:
    """What is wrong with a node."""
    try:
        seen, there = ray.get(ref, timeout=ANSWER_S)
    except Exception as error:
        return [f"no answer ({(str(error).strip().splitlines() or [type(error).__name__])[-1]})"]
    return differences(seen, there, versions())


def differences(seen: bool, there: dict[str, str], here: dict[str, str]) -> list[str]:
    found = [] if seen else ["its results folder is not the one here: share it"]
    return found + [
        f"{name} {there[name]}, here {here[name]}" for name in here if there[name] != here[name]
    ]
