"""The weighted image bootstrap held to COCOeval, on images drawn with replacement."""

from importlib.util import find_spec

from harness.doctor.finding import Finding, Setting


def average_precision(setting: Setting) -> Finding:
    """Not to be had before `harness.statistics.images` is."""
    if find_spec("harness.statistics.images") is None:
        return Finding.not_run("this harness has no image bootstrap yet")
    return Finding.not_run("the image bootstrap is not wired up")
