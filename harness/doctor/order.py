"""The order of arms under a shared frozen backbone beside their order from scratch."""

from importlib.util import find_spec

from harness.doctor.finding import Finding, Setting


def order(setting: Setting) -> Finding:
    """Not to be had before `harness.report.proxy` is."""
    if find_spec("harness.report.proxy") is None:
        return Finding.not_run("this harness has no rank correlation between profiles yet")
    return Finding.not_run("the rank correlation is not wired up")
