"""What `harness doctor` says: a line a check, and at the end what may be believed here."""

from collections.abc import Iterator, Sequence
from typing import Any

from harness.doctor import Examined

MARKS = {"holds": "✓", "does not hold": "✗", "not run": "–"}


def doctor_document(found: Sequence[Examined], full: bool) -> dict[str, Any]:
    """The document of `harness doctor --json`."""
    return {
        "full": full,
        "holds": not broken(found),
        "summary": summary(found),
        "checks": [
            {
                "name": one.check.name,
                "what": one.check.what,
                "verdict": one.finding.verdict,
                "said": one.finding.said,
                "figures": dict(one.finding.figures),
                "seconds": round(one.seconds, 3),
            }
            for one in found
        ],
    }


def doctor_words(found: Sequence[Examined]) -> Iterator[str]:
    """Lines for people."""
    wide = max((len(one.check.name) for one in found), default=0)
    for one in found:
        verdict, said = one.finding.verdict, one.finding.said
        link = ", because " if verdict == "not run" else ": "
        yield f"{MARKS[verdict]} {one.check.name:{wide}}  {verdict}{link}{said}"
    yield summary(found)


def summary(found: Sequence[Examined]) -> str:
    """What may be believed here, in one sentence."""
    bad, skipped = broken(found), [one for one in found if one.finding.verdict == "not run"]
    held = len(found) - len(bad) - len(skipped)
    rest = f"; not known: {', '.join(one.check.what for one in skipped)}" if skipped else ""
    if bad:
        wrong = ", ".join(one.check.what for one in bad)
        return f"Not to be believed here: {wrong}{rest}."
    return f"Of {len(found)} checks {held} hold and none fails{rest}."


def broken(found: Sequence[Examined]) -> list[Examined]:
    return [one for one in found if one.finding.verdict == "does not hold"]
