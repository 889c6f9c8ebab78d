"""Tests and intervals on simulated draws of which the truth is known."""

from importlib.util import find_spec

from harness.doctor.finding import Finding, Setting


def calibrated(setting: Setting) -> Finding:
    """Not to be had before `harness.statistics.simulate` is."""
    if find_spec("harness.statistics.simulate") is None:
        return Finding.not_run("this harness has no simulation yet")
    return Finding.not_run("the simulation is not wired up")
