"""Tests and intervals on simulated draws of which the truth is known."""

from harness.doctor.finding import Finding, Setting

STUDIES = 4000


def calibrated(setting: Setting) -> Finding:
    """Every test and interval holds its stated level within 1.5 points (`statistics.simulate`)."""
    from harness.statistics.simulate import calibration

    levels = calibration(STUDIES, setting.seed)
    said = ", ".join(f"{one.name} {one.measured:.3f} of {one.stated:.3f}" for one in levels)
    wrong = [one.name for one in levels if not one.holds]
    head = f"{STUDIES:,} simulated studies, six seeds an arm"
    if wrong:
        head += f": {', '.join(wrong)} more than .015 off"
    return Finding.of(not wrong, f"{head}: {said}", **{one.name: one.measured for one in levels})
