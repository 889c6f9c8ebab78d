"""What one trial asks of the cluster. What no node has is refused: Ray would wait for ever."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import EngineError
from harness.space.workplace import Workplace

Resources = Mapping[str, float]


def nodes_of(ray: Any) -> list[Resources]:
    """Resources of each node that lives."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def share(nodes: Sequence[Resources], where: Workplace) -> dict[str, float]:
    """CPU cores and GPUs of one trial; an `EngineError` where no node has as much.

    nodes: resources of each.
    """
    found = _asked(nodes, where)
    if not any(fits(node, found) for node in nodes):
        raise EngineError(_refusal(nodes, found))
    return found


def slots(nodes: Sequence[Resources], asked: Resources) -> int:
    """How many trials run at once."""
    return sum(
        int(min(node.get(name.upper(), 0.0) / much for name, much in asked.items() if much) + 1e-6)
        for node in nodes
    )


def fits(node: Resources, asked: Resources) -> bool:
    return all(node.get(name.upper(), 0.0) >= much - 1e-9 for name, much in asked.items())


def _asked(nodes: Sequence[Resources], where: Workplace) -> dict[str, float]:
    gpus = max((node.get("GPU", 0.0) for node in nodes), default=0.0)
    if where.device == "cuda" and gpus <= 0:
        raise EngineError("no GPU in the Ray cluster: use --device cpu")
    if gpus > 0 and where.device != "cpu":
        return _of_gpus(nodes, where, gpus)
    if where.gpus:
        raise EngineError(f"{where.gpus:g} GPUs a trial, and no GPU in the Ray cluster")
    if where.alone:
        return {"cpu": max((node.get("CPU", 0.0) for node in nodes), default=0.0)}
    return {"cpu": where.cpus or float(where.threads * where.devices)}


def _of_gpus(nodes: Sequence[Resources], where: Workplace, gpus: float) -> dict[str, float]:
    """Whole GPUs, one a process; or a part of one, with its part of the node's cores."""
    each = 1.0 if where.alone else (where.gpus or 1.0)
    each = float(where.devices) if where.devices > 1 else each
    cores = min(node.get("CPU", 0.0) for node in nodes if node.get("GPU", 0.0) >= gpus)
    return {"cpu": where.cpus or max(1.0, cores * each // gpus), "gpu": each}


def _refusal(nodes: Sequence[Resources], asked: Resources) -> str:
    words = {"cpu": "CPU cores", "gpu": "GPUs"}
    wanted = " and ".join(f"{much:g} {words[name]}" for name, much in asked.items())
    most = ", ".join(
        f"{max((node.get(name.upper(), 0.0) for node in nodes), default=0.0):g} {words[name]}"
        for name in asked
    )
    return f"a trial asks for {wanted} on one node; the most that a node of the cluster has: {most}"
