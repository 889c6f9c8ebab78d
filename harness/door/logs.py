"""`harness log`: what a trial has said, as it says it, and what became of it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.claims import Onlooker, read_claim
from harness.errors import SpecError
from harness.files import scratch_of
from harness.ledger import LOG, Ledger, known_trials, match_trial
from harness.outcomes import FAILURES
from harness.records import TrialRecord
from harness.studies import StudyResults

POLL_S = 0.5
TRACE_LINES = 8
"""Lines of a traceback that are shown, its last ones."""


def trial_of(word: str, results: Path, study: StudyResults | None) -> str:
    """The id of the trial that a word means: how it begins; of a study its title as well.

    Raises `SpecError`.
    """
    if study is None:
        return match_trial(word, known_trials(Ledger(results)), f"in {results}/ledger")
    from harness.door.lookout import titles_of

    titles = titles_of(study)
    named = [trial_id for trial_id, title in titles.items() if word in (str(title), title.arm)]
    if len(named) > 1:
        shown = ", ".join(repr(str(titles[trial_id])) for trial_id in named[:5])
        raise SpecError(f"{word!r} has {len(named)} trials: say which of {shown}")
    if named:
        return named[0]
    words = {str(title): trial_id for trial_id, title in titles.items()}
    return match_trial(word, sorted(titles), f"of study {study.study!r}", words)


def log_file(results: Path, trial_id: str) -> Path:
    """Where it is; of a store, while the trial runs on this machine, in this machine's scratch."""
    kept = Ledger(results).folder(trial_id) / LOG
    here = scratch_of(results) / "logs" / trial_id / LOG
    return kept if kept.exists() or not here.exists() else here


def said(results: Path, trial_id: str) -> Iterator[str]:
    """The log so far and how the trial ended, piece by piece. `SpecError` where there is none."""
    file, record = log_file(results, trial_id), Ledger(results).get(trial_id)
    if not file.exists() and record is None:
        raise SpecError(f"trial {trial_id} has no log: it has not started; `--follow` waits for it")
    if file.exists():
        yield file.read_bytes().decode(errors="replace")
    yield from _ends(record)


def followed(
    results: Path, trial_id: str, sleep: Callable[[float], None] = time.sleep
) -> Iterator[str]:
    """The log as it grows, until nobody trains the trial and it has a record."""
    onlooker, ledger, at = Onlooker(), Ledger(results), 0
    while True:
        beat = read_claim(ledger.folder(trial_id))
        under_way = beat is not None and onlooker.lives(beat)
        record = None if under_way else ledger.get(trial_id)
        file = log_file(results, trial_id)
        content = file.read_bytes() if file.exists() else b""
        at = at if at <= len(content) else 0  # another file by now
        whole = content[at : content.rfind(b"\n") + 1] if record is None else content[at:]
        at += len(whole)
        if whole:
            yield whole.decode(errors="replace")
        if record is not None:
            yield from _ends(record)
            return
        sleep(POLL_S)


def _ends(record: TrialRecord | None) -> Iterator[str]:
    """What became of a trial that failed: its log may lack it where its process died."""
    if record is None or record.status not in FAILURES:
        return
    trace = (record.traceback or "").rstrip().splitlines()
    if trace:
        cut = ["..."] if len(trace) > TRACE_LINES else []
        yield "\n".join([*cut, *trace[-TRACE_LINES:], ""])
    yield f"{record.status}: {record.reason or 'no reason given'}\n"
