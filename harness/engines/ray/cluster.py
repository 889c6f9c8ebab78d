"""A Ray cluster: one of our own for the length of a run, or one that is there already."""

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harness.engines.base import limit_threads, processors, thread_variables
from harness.errors import EngineError, SpecError
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

REACH_S = 5.0
OBJECT_STORE_BYTES = 100 * 1024 * 1024


@contextmanager
def cluster(where: Workplace) -> Iterator[Any]:
    """Ray, connected, quiet; an `EngineError` where it does not start or cannot be reached."""
    if where.address is not None:
        _demand_reachable(where.address)
    with _environment(where):
        ray = _imported()
        try:
            ray.init(**_options(where))
        except Exception as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            if where.address:
                raise EngineError(
                    f"no Ray cluster at {where.address} ({said[0]}){_hint()}"
                ) from error
            raise EngineError(f"Ray did not start ({said[0]}): use --engine inline") from error
        logging.getLogger("ray").setLevel(logging.CRITICAL)  # what goes wrong stands in records
        try:
            yield ray
        finally:
            ray.shutdown()


@contextmanager
def _environment(where: Workplace) -> Iterator[None]:
    """What Ray and its workers, which inherit it, read from the environment; put back after."""
    before = dict(os.environ)
    os.environ.update(SWITCHES)
    os.environ["PYTHONPATH"] = _python_path()
    limit_threads(where.threads)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _demand_reachable(address: str) -> None:
    """Ray itself tries for minutes. A `SpecError` where the address is none."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdecimal():
        if address == "auto":
            return
        raise SpecError(f"--address {address}: should be host:port, or auto")
    try:
        socket.create_connection((host, int(port)), timeout=REACH_S).close()
    except OSError as error:
        raise EngineError(f"no Ray cluster at {address} ({error})") from error


def _hint() -> str:
    """`ray start` of newer versions asks for a token, and says so on the head alone."""
    if os.environ.get("RAY_AUTH_MODE") == "token":
        return ""
    return "; if its head says that tokens are enabled: export RAY_AUTH_MODE=token"


def _python_path() -> str:
    return os.pathsep.join(path for path in sys.path if path)


def _imported() -> Any:
    try:
        import ray
        from ray import tune  # noqa: F401
    except ImportError as error:
        raise EngineError(f"Ray is not installed ({error}): use --engine inline") from error
    return ray


def _options(where: Workplace) -> dict[str, Any]:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if where.address is not None:
        # Its workers are not our children: what ours inherit, they are given.
        given = {**SWITCHES, **thread_variables(where.threads), "PYTHONPATH": _python_path()}
        return {"address": where.address, "runtime_env": {"env_vars": given}, **quiet}
    return {
        "address": "local",
        "num_cpus": processors(),
        "object_store_memory": OBJECT_STORE_BYTES,
        "include_dashboard": False,
        **quiet,
    }
