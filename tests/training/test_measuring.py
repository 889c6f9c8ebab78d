"""Latency, memory and environment: what a record says of the machine."""

import subprocess

import pytest
import torch

from harness import environment
from harness.commit import git_commit
from harness.environment import PeakMemory, describe, find_device
from harness.errors import TrialError
from harness.latency import measure

CPU = torch.device("cpu")


def test_latency_is_the_median_of_timed_runs(monkeypatch):
    times = iter(range(1000))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(times)))
    latency = measure(lambda images: images, 32, CPU, budget=20.0)
    assert (latency.median_ms, latency.p90_ms, latency.runs, latency.batch) == (1000, 1000, 20, 1)


def test_latency_says_its_conditions():
    shapes = []
    latency = measure(lambda images: shapes.append(images.shape), 32, CPU, budget=0.0)
    assert latency.runs == 10
    assert set(shapes) == {(1, 3, 32, 32)}
    assert latency.p90_ms >= latency.median_ms > 0
    assert "32 px, float32" in latency.conditions
    assert "at the same time" in latency.conditions


def test_nothing_is_kept_for_gradients():
    weight = torch.ones(3, requires_grad=True)
    kept = []
    measure(lambda images: kept.append((images.sum() * weight).requires_grad), 32, CPU, budget=0.0)
    assert not any(kept)


def test_peak_memory_is_since_the_beginning():
    before = torch.zeros(30_000_000) + 1
    del before
    memory = PeakMemory(CPU)
    start = memory.megabytes()
    more = torch.zeros(30_000_000) + 1
    assert memory.megabytes() > start + 50
    del more


def test_the_environment_names_what_matters():
    found = describe(CPU, 1, "inline")
    assert found.device.startswith("cpu: ")
    assert {"torch", "python", "pycocotools"} <= set(found.versions)
    assert found.versions["torch"] == torch.__version__
    assert found.started.endswith("+00:00")


def test_without_git_there_is_no_commit(monkeypatch):
    def missing(*args, **kwargs):
        raise FileNotFoundError("git")

    git_commit.cache_clear()
    monkeypatch.setattr(subprocess, "run", missing)
    assert git_commit() is None
    git_commit.cache_clear()


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(environment.torch.cuda, "is_available", lambda: False)
    assert find_device("auto") == CPU
    with pytest.raises(TrialError, match="finds no CUDA device"):
        find_device("cuda")
