"""Trials under Ray Tune. The only package of the project that imports Ray.

Ray is transport alone. Each run is a fresh Tune experiment over the trials still missing; every
trial keeps its own record in the ledger from inside its worker, an interrupted one goes on from
the project's own checkpoint, and what the ledger lacks at the end becomes a failed record.

Workers are reused from trial to trial: a fresh one pays for its process and for importing torch
and timm each time, seconds against trials of half a minute. What that shares is process state
(global random numbers, caches, peak memory), and `work` answers for it: `run_trial` draws from
streams of its own, seeded by the spec, and never from a global one.
"""

from harness.engines.ray.engine import RayEngine

__all__ = ["RayEngine"]
