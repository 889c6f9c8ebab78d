"""What went wrong in a trial, by name: from an exception to the status of its record.

What each status means, and when such a trial is tried again, stands in `harness.outcomes`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from harness.engines.base import reason_of
from harness.errors import BuildError, TrialError
from harness.outcomes import status_of

FULL = (
    "CUDA out of memory",
    "CUDA error: out of memory",
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "std::bad_alloc",
)
"""What a `RuntimeError` says where memory was short."""


def classify(error: BaseException) -> str:
    """The status of a trial that ended by `error`: by its own kind, else by its causes'."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if _is_full(cause):
            return "out_of_memory"
        if (status := status_of(cause)) != "failed":
            return status
        cause = cause.__cause__
    return "failed"


def _is_full(error: BaseException) -> bool:
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in FULL)


@contextmanager
def building() -> Iterator[None]:
    """What fails inside, and has no other name, is a `BuildError`."""
    try:
        yield
    except TrialError:
        raise
    except Exception as error:
        if classify(error) != "failed":
            raise
        raise BuildError(reason_of(error)) from error
