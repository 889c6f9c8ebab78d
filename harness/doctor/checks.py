"""The table of checks, and the round that makes them all."""

import time
from collections.abc import Callable, Sequence

from harness.doctor.average_precision import average_precision
from harness.doctor.calibration import calibrated
from harness.doctor.controls import found_control, no_difference
from harness.doctor.counts import counts
from harness.doctor.determinism import determinism
from harness.doctor.finding import Check, Examined, Finding, Setting
from harness.doctor.folder import folder
from harness.doctor.machine import machine
from harness.doctor.order import order
from harness.doctor.versions import versions
from harness.errors import HarnessError

CHECKS: tuple[Check, ...] = (
    Check("versions", "packages are within the supported ranges", versions),
    Check("machine", "device, memory and disk suffice", machine),
    Check("folder", "files in the results folder are whole or not there", folder),
    Check("determinism", "a trial trained twice is equal to the last bit", determinism),
    Check("counts", "costs in closed form are what torch and fvcore count", counts),
    Check("ap", "AP of resampled images is COCOeval's", average_precision),
    Check(
        "calibration", "tests and intervals hold their level on draws of known truth", calibrated
    ),
    Check("aa", "no difference is found where there is none", no_difference),
    Check("control", "a difference is found where there is one", found_control),
    Check(
        "order",
        "the orders of arms on a frozen backbone and from scratch agree better than by chance",
        order,
    ),
)


def examine(
    setting: Setting,
    checks: Sequence[Check] = CHECKS,
    say: Callable[[Check], None] = lambda check: None,
) -> tuple[Examined, ...]:
    """Every check in turn. One that breaks does not hold, and the others are made all the same."""
    found = []
    for check in checks:
        say(check)
        began = time.perf_counter()
        found.append(Examined(check, _guarded(check, setting), time.perf_counter() - began))
    return tuple(found)


def _guarded(check: Check, setting: Setting) -> Finding:
    try:
        return check.run(setting)
    except HarnessError as error:
        return Finding("does not hold", str(error))
    except Exception as error:
        return Finding("does not hold", f"the check broke: {type(error).__name__}: {error}")
