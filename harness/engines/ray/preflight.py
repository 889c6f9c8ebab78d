"""Before anything is trained on a cluster that is there: do its nodes see what we see?"""

import platform
import time
import uuid
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.errors import EngineError
from harness.files import write_whole

PACKAGES = ("feature-network-harness", "torch", "torchvision", "ray")
"""Whose versions have to be the driver's on every node."""
NO_ANSWER = "no answer"
GONE_S = 15
"""Seconds after which a cluster has noticed that a node is gone."""
ANSWER_S = 120.0
"""Longest that all nodes together may take to answer: a first worker has to start on each."""


def check(ray: Any, results: Path, folders: Sequence[str] = ()) -> None:
    """An `EngineError` that names each node which differs from the driver, and in what.

    folders: others that every node must see, such as those of datasets.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nonce = results / f".preflight-{uuid.uuid4().hex}"
    write_whole(nonce, "")
    faults = []
    try:
        asked = {}
        for node in ray.nodes():
            resources = node["Resources"]
            if not node["Alive"] or not (resources.get("CPU") or resources.get("GPU")):
                continue  # a head without either trains nothing
            place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = ray.remote(num_cpus=0, scheduling_strategy=place)(look)
            asked[node["NodeID"]] = (node["NodeManagerHostname"], task.remote(nonce, folders))
        until = time.monotonic() + ANSWER_S
        for node_id, (host, ref) in asked.items():
            said = _answer(ray, ref, until)
            if said and not (said[0].startswith(NO_ANSWER) and _goes(ray, node_id)):
                faults += [f"{host} ({node_id[:8]}): {one}" for one in said]
    finally:
        nonce.unlink(missing_ok=True)
    if faults:
        raise EngineError("the cluster's nodes differ from here:\n  " + "\n  ".join(faults))


def _goes(ray: Any, node_id: str) -> bool:
    """Whether a node that does not answer is found to be gone: the cluster sees that late."""
    for _ in range(GONE_S):
        if not any(node["Alive"] and node["NodeID"] == node_id for node in ray.nodes()):
            return True
        time.sleep(1)
    return False


def look(nonce: Path, folders: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """On a node: what is missing there, and the versions there."""
    missing = [] if nonce.exists() else [f"the results in {nonce.parent}"]
    missing += [folder for folder in folders if not Path(folder).is_dir()]
    return missing, versions()


def versions() -> dict[str, str]:
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def _answer(ray: Any, ref: Any, until: float) -> list[str]:
    """What is wrong with a node."""
    try:
        missing, there = ray.get(ref, timeout=max(1.0, until - time.monotonic()))
    except Exception as error:
        return [f"{NO_ANSWER} ({(str(error).strip().splitlines() or [type(error).__name__])[-1]})"]
    return differences(missing, there, versions())


def differences(
    missing: Sequence[str], there: Mapping[str, str], here: Mapping[str, str]
) -> list[str]:
    found = [f"does not see {folder}: it has to be on a shared path" for folder in missing]
    return found + [
        f"{name} {there[name]}, here {here[name]}" for name in here if there[name] != here[name]
    ]
