"""The engine: a session of Ray, and one Tune experiment a run."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.engines.base import (
    ENGINES,
    AbstractEngine,
    Early,
    LedgerSink,
    Sink,
    Supply,
    Watch,
    Work,
    processors,
)
from harness.engines.ray.cluster import cluster
from harness.engines.ray.preflight import check
from harness.engines.ray.share import fits, nodes_of, share, slots
from harness.errors import EngineError
from harness.files import is_local
from harness.space.workplace import Workplace

RETRIES = 1
"""How often Tune itself starts a trial again whose worker is gone. The next run does, too."""
NO_ROOM_S = 120.0
"""How long a cluster may have no node that a trial fits, while none is running."""


@ENGINES.register("ray")
class RayEngine(AbstractEngine):
    """As many trials at once as the cluster has room for."""

    def __init__(self) -> None:
        self._ray: Any = None

    @contextmanager
    def session(self, where: Workplace) -> Iterator[Any]:
        """One connection to Ray, however many calls of `run` are inside."""
        if self._ray is not None:
            yield self._ray
            return
        with cluster(where) as self._ray:
            try:
                if where.address is not None:
                    check(self._ray, where.results, where.must_see)
                yield self._ray
            finally:
                self._ray = None

    def slots(self, where: Workplace) -> int:
        if self._ray is None:
            return max(1, processors() // (where.threads * where.devices))
        nodes = nodes_of(self._ray)
        return slots(nodes, share(nodes, where))

    def run(
        self,
        supply: Supply,
        work: Work,
        where: Workplace,
        watch: Watch,
        *,
        sink: Sink | None = None,
        early: Early | None = None,
    ) -> None:
        with self.session(where) as ray:
            asked = share(nodes_of(ray), where)
            ahead = 1 if supply.adaptive else slots(nodes_of(ray), asked)
            with _experiment(where, ahead) as folder:
                _fit(supply, work, where, watch, sink or LedgerSink(), early, asked, folder)


@contextmanager
def _experiment(where: Workplace, ahead: int) -> Iterator[Path]:
    """A folder for Tune's own files, gone afterwards; where every node sees it, if one is shared.

    ahead: how many trials Tune asks for before there is room for them.
    """
    base = where.results / "tune" if is_local(where.results) else None
    if base is not None:
        base.mkdir(parents=True, exist_ok=True)
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(max(1, ahead))
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fit(
    supply: Supply,
    work: Work,
    where: Workplace,
    watch: Watch,
    sink: Sink,
    early: Early | None,
    asked: dict[str, float],
    folder: Path,
) -> None:
    from ray import tune

    from harness.engines.ray.bridge import Starts, Supplier, trial

    supplier = Supplier(supply, sink, where, watch, early is not None)
    given = tune.with_parameters(trial, work=work, where=where, sink=sink)
    tuner = tune.Tuner(
        tune.with_resources(given, asked),
        tune_config=tune.TuneConfig(
            search_alg=supplier,
            scheduler=_scheduler(early) if early else None,
            num_samples=-1,
            reuse_actors=True,
            trial_name_creator=lambda trial: str(trial.config["trial"]),
            trial_dirname_creator=lambda trial: str(trial.config["trial"]),
        ),
        run_config=tune.RunConfig(
            name="run",
            storage_path=str(folder),
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=RETRIES),
            callbacks=[Starts(watch, _room(asked))],
        ),
    )
    try:
        tuner.fit()
    except tune.TuneError as error:
        raise EngineError(f"Ray Tune gave up: {error}") from error
    for spec in [*supplier.given.values()]:
        sink.lost(spec, where, "the run ended before it")
        supply.ended(spec, sink.get(spec, where))


def _scheduler(early: Early) -> Any:
    from ray.tune.schedulers import AsyncHyperBandScheduler

    return AsyncHyperBandScheduler(
        time_attr="epoch",
        metric="ap",
        mode="max",
        max_t=early.epochs,
        grace_period=early.grace,
        reduction_factor=early.reduction,
        brackets=early.brackets,
    )


def _room(asked: dict[str, float]) -> Callable[[int], None]:
    """A watch on the cluster: nodes go, and Tune would wait for them without a word."""
    looked = since = time.monotonic()

    def look(running: int) -> None:
        nonlocal looked, since
        moment = time.monotonic()
        if running or moment - looked < 5:
            since = moment if running else since
            return
        looked = moment
        import ray

        if any(fits(node, asked) for node in nodes_of(ray)):
            since = moment
        elif moment - since > NO_ROOM_S:
            raise EngineError(f"for {NO_ROOM_S:.0f} s no node of the cluster had room for a trial")

    return look
