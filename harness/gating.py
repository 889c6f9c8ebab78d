"""The second step of the gate: what probes say of the cells that are about to be trained.

The first needs no torch and is the plan's: it checks, finds aliases and holds limits on costs. What
is rejected here stays in the study's table too, with its reason.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.engines.base import OnEpoch, reason_of
from harness.errors import Rejected
from harness.plan import Plan, Planned
from harness.plugins import load
from harness.probes import Probe, Probes, probe_key
from harness.records import TrialRecord
from harness.space.limits import LATENCY, over_measured
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.trainers import PROBE, PROBE_TIMED, Named, resolve

ProbesOf = Callable[[TrialSpec], Probe | None]
Run = Callable[[Sequence[TrialSpec], bool], None]
"""Does the probes of trials' networks and keeps them; whether latency is measured too."""


@dataclass(frozen=True, slots=True)
class ProbeSink:
    """Keeps probes that an engine has done. One that could not be done leaves nothing."""

    def keep(self, spec: TrialSpec, where: Workplace, done: Probe) -> Mapping[str, Any]:
        Probes(where).write(done)
        return {"status": "probed", "seconds": done.seconds, "reason": done.complaint}

    def fail(self, spec: TrialSpec, where: Workplace, error: BaseException) -> Mapping[str, Any]:
        return {"status": "not probed", "seconds": 0.0, "reason": reason_of(error)}

    def lost(self, spec: TrialSpec, where: Workplace, reason: str) -> None:
        pass

    def stopped(self, spec: TrialSpec, where: Workplace) -> Mapping[str, Any]:
        return {"status": "not probed", "seconds": 0.0, "reason": "stopped"}

    def get(self, spec: TrialSpec, where: Workplace) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Gated:
    """The second step in the worker that is about to train: for what no plan knows beforehand."""

    work: Named
    limits: Mapping[str, float]

    def __call__(self, spec: TrialSpec, where: Workplace, on_epoch: OnEpoch) -> TrialRecord:
        """The trial; raises `Rejected`, and leaves the probe that says why."""
        probes, timed = Probes(where), LATENCY in self.limits
        known = probes.get(spec)
        if known is None or known.complaint or (timed and known.latency_ms is None):
            load(self.work.plugins)
            known = resolve(PROBE_TIMED if timed else PROBE)(spec, where)
            probes.write(known)
        if reason := objection(known, self.limits):
            raise Rejected(reason)
        return self.work(spec, where, on_epoch)


def objection(probe: Probe | None, limits: Mapping[str, float]) -> str | None:
    """Why a network is not to be trained, as far as its probe tells."""
    if probe is None:
        return None
    return probe.complaint or over_measured(limits, probe.memory_mb, probe.latency_ms)


SAME = 1e-6
"""Relative difference up to which two numbers of a step are the same: float32's last digits."""
IDLE_ARM = "its first step is the baseline's to the last digit: the arm changes nothing"


def gate(plan: Plan, probes_of: ProbesOf) -> Plan:
    """The plan with the cells rejected whose probe fails; one without a probe is left as it is."""
    waiting = {one.spec.id for one in plan.cells if one.cell.status == "pending"}
    baselines = _baselines(plan)
    cells = []
    for one in plan.cells:
        reason = None
        if one.spec.id in waiting:
            reason = _reason(plan, one, baselines.get(_at(one)), probes_of)
        cell = replace(one.cell, status="rejected", reason=reason) if reason else one.cell
        cells.append(Planned(cell, one.spec))
    return replace(plan, cells=tuple(cells))


def probe_missing(
    plan: Plan, where: Workplace, run: Run, *, trials: Collection[TrialSpec] | None = None
) -> int:
    """Probe what a plan is about to train and nothing is known of; how many networks that were.

    One of each network, whatever the seeds. What was found wanting is asked again: its remedy may
    have been found. With a baseline that arms are held to, it is probed as well.
    trials: those that are about to be trained; None is all that are pending.
    """
    probes, latency = Probes(where), LATENCY in plan.study.spec.limits
    found: dict[str, TrialSpec] = {}
    for spec in _asked(plan, {one.id for one in plan.pending() if trials is None or one in trials}):
        known = probes.get(spec)
        if known is None or known.complaint or (latency and known.latency_ms is None):
            found.setdefault(probe_key(spec, where), spec)
    if found:
        run(list(found.values()), latency)
    return len(found)


def _asked(plan: Plan, ids: Collection[str]) -> list[TrialSpec]:
    """Trials whose networks have to be known: those of `ids`, and the baselines of their arms."""
    pending = [one for one in plan.cells if one.spec.id in ids]
    baselines = _baselines(plan)
    held = {_at(one) for one in pending if _may_be_idle(one, baselines.get(_at(one)))}
    return [one.spec for one in pending] + [baselines[at].spec for at in held]


def _at(planned: Planned) -> str:
    """A point of the axes and a seed."""
    return repr((sorted(planned.cell.choice.items(), key=str), planned.cell.seed))


def _baselines(plan: Plan) -> Mapping[str, Planned]:
    """The baseline's cells by where they are."""
    baseline = plan.study.spec.baseline
    return {_at(one): one for one in plan.cells if one.cell.arm == baseline}


def _reason(
    plan: Plan, planned: Planned, baseline: Planned | None, probes_of: ProbesOf
) -> str | None:
    probe = probes_of(planned.spec)
    if probe is None:
        return None
    if baseline is not None and _may_be_idle(planned, baseline):
        base = probes_of(baseline.spec)
        if base is not None and _same_step(probe, base):
            return IDLE_ARM
    return objection(probe, plan.study.spec.limits)


def _may_be_idle(planned: Planned, baseline: Planned | None) -> bool:
    """Whether an arm differs from the baseline in its feature network's graph and nowhere else.

    Of other differences (a learning rate, a prior, weights to begin with) a step need not show
    anything.
    """
    if baseline is None or planned.cell.arm == baseline.cell.arm:
        return False
    return _without_graph(planned.spec) == _without_graph(baseline.spec)


def _without_graph(spec: TrialSpec) -> dict[str, Any]:
    tree = spec.identity()
    del tree["model"]["feature_network"]["graph"]
    return tree


def _same_step(one: Probe, other: Probe) -> bool:
    if not one.step or len(one.step) != len(other.step):
        return False
    return all(math.isclose(a, b, rel_tol=SAME) for a, b in zip(one.step, other.step, strict=True))
