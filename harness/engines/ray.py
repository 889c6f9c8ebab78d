"""Trials under Ray Tune, several at once. The only file of the project that imports Ray.

Ray is transport alone. Each run is a fresh Tune experiment over the cells still missing; every
trial keeps its own record in the ledger from inside its worker, an interrupted one goes on from
the project's own checkpoint, and what the ledger lacks at the end becomes a failed record here.

Workers are reused from trial to trial: a fresh one pays for its process and for importing torch
and timm each time, seconds against trials of half a minute. What that shares is process state
(global random numbers, caches, peak memory), and `work` answers for it: `run_trial` draws from
streams of its own, seeded by the spec, and never from a global one.
"""

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.engines.base import (
    ENGINES,
    WORKER_DIED,
    AbstractEngine,
    Event,
    Watch,
    Work,
    failed,
    limit_threads,
    outcome,
    perform,
    processors,
)
from harness.errors import EngineError
from harness.ledger import Ledger
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace

SWITCHES = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "30",
}
"""No telemetry, no prompts, no lines on our standard output, no files of Tune's own, relative
paths where they were."""

OBJECT_STORE_BYTES = 100 * 1024 * 1024
RETRIES = 1


@ENGINES.register("ray")
class RayEngine(AbstractEngine):
    """As many trials at once as the machine has cores, or one a GPU."""

    def __init__(self) -> None:
        self._ray: Any = None

    @contextmanager
    def session(self, where: Workplace) -> Iterator[Any]:
        """A Ray of our own, started once however many calls of `run` are inside."""
        if self._ray is not None:
            yield self._ray
            return
        with _cluster(where) as self._ray:
            try:
                yield self._ray
            finally:
                self._ray = None

    def run(self, trials: Sequence[TrialSpec], work: Work, where: Workplace, watch: Watch) -> None:
        if not trials:
            return
        where = replace(where, results=Path(where.results).resolve())
        with self.session(where) as ray:
            share = _share(ray.cluster_resources(), where)
            errors = _fit(trials, work, where, watch, share)
        _reconcile(trials, where, errors)


@contextmanager
def _environment(where: Workplace) -> Iterator[None]:
    """What Ray and its workers, which inherit it, read from the environment; put back after."""
    before = dict(os.environ)
    os.environ.update(SWITCHES)
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    limit_threads(where.threads)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _cluster(where: Workplace) -> Iterator[Any]:
    """A Ray of our own for the length of the run, quiet and small."""
    with _environment(where):
        yield from _started()


def _started() -> Iterator[Any]:
    try:
        import ray
        from ray import tune  # noqa: F401
    except ImportError as error:
        raise EngineError(f"Ray is not installed ({error}): use --engine inline") from error
    try:
        ray.init(
            address="local",
            num_cpus=processors(),
            object_store_memory=OBJECT_STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
        )
    except Exception as error:
        raise EngineError(f"Ray did not start ({error}): use --engine inline") from error
    logging.getLogger("ray").setLevel(
        logging.CRITICAL
    )  # what goes wrong in a trial stands in its record
    try:
        yield ray
    finally:
        ray.shutdown()


def _share(resources: Mapping[str, float], where: Workplace) -> dict[str, float]:
    """What one trial asks of the cluster; refused here, since Ray would wait for ever."""
    cores, gpus = resources.get("CPU", 0.0), resources.get("GPU", 0.0)
    if where.device == "cuda" and gpus < 1:
        raise EngineError("no GPU in the Ray cluster: use --device cpu")
    if gpus >= 1 and where.device != "cpu":
        return {"cpu": max(1.0, cores // gpus), "gpu": 1.0}
    if where.threads > cores:
        raise EngineError(f"{where.threads} threads a trial, and {cores:g} CPU cores in all")
    return {"cpu": float(where.threads)}


def _fit(
    trials: Sequence[TrialSpec],
    work: Work,
    where: Workplace,
    watch: Watch,
    share: dict[str, float],
) -> dict[str, str]:
    """Run a fresh experiment; what went wrong by trial id, as Ray tells it."""
    from ray import tune

    specs = {spec.id: spec.model_dump_json() for spec in trials}
    trainable = tune.with_resources(
        tune.with_parameters(_trial, specs=specs, work=work, where=where), share
    )
    scratch = Path(tempfile.mkdtemp(prefix="harness-tune-"))
    try:
        tuner = tune.Tuner(
            trainable,
            param_space={"trial": tune.grid_search(list(specs))},
            tune_config=tune.TuneConfig(
                reuse_actors=True,
                trial_name_creator=lambda trial: str(trial.config["trial"]),
                trial_dirname_creator=lambda trial: str(trial.config["trial"]),
            ),
            run_config=tune.RunConfig(
                name="run",
                storage_path=str(scratch),
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=RETRIES),
                callbacks=[_teller(watch)],
            ),
        )
        results = tuner.fit()
    except tune.TuneError as error:
        raise EngineError(f"Ray Tune gave up: {error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return {
        result.config["trial"]: _in_short(result.error)
        for result in results
        if result.error is not None and result.config
    }


def _in_short(error: Exception) -> str:
    """The last line of Ray's words, without its advice."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].partition(" Worker exit type")[0].strip()


def _trial(
    config: Mapping[str, Any], *, specs: Mapping[str, str], work: Work, where: Workplace
) -> None:
    """What a worker does: one trial, from JSON to its record in the ledger."""
    from ray import tune

    spec = TrialSpec.model_validate_json(specs[config["trial"]])
    record = perform(work, spec, where, lambda facts: tune.report({"facts": dict(facts)}))
    tune.report({"outcome": outcome(record)})


def _teller(watch: Watch) -> Any:
    """Ray's callbacks, told to `watch` as events."""
    from ray import tune

    class Teller(tune.Callback):  # type: ignore[misc]
        def __init__(self, watch: Watch) -> None:
            self.watch = watch

        def __getstate__(self) -> dict[str, Any]:
            return {}  # Ray pickles callbacks for a restore that is never asked of it

        def on_trial_start(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            self.watch(Event(trial.config["trial"], "started", {}))

        def on_trial_result(
            self, iteration: int, trials: Any, trial: Any, result: Any, **_: Any
        ) -> None:
            if "outcome" in result:
                self.watch(Event(trial.config["trial"], "ended", result["outcome"]))
            elif "facts" in result:
                self.watch(Event(trial.config["trial"], "epoch", result["facts"]))

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            self.watch(
                Event(trial.config["trial"], "ended", {"status": "failed", "reason": WORKER_DIED})
            )

    return Teller(watch)


def _reconcile(trials: Sequence[TrialSpec], where: Workplace, errors: Mapping[str, str]) -> None:
    """Every trial handed over has a record afterwards, whatever happened to its worker."""
    ledger = Ledger(where.results)
    for spec in trials:
        if not ledger.has(spec.id):
            reason = errors.get(spec.id, "it ended without a record")
            ledger.write(failed(spec, where, f"{WORKER_DIED}: {reason}"))
