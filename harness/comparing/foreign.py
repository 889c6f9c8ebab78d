"""`harness compare --gt`: result files of any trainer, compared."""

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.comparing.compare import compare
from harness.comparing.comparison import Comparison, Test
from harness.comparing.files import arms_of, read_files


def compare_files(
    words: Sequence[str],
    truth: Path,
    *,
    names: str | None = None,
    test: Test = "permutation",
    draws: int = 1000,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> Comparison:
    """Arms of COCO result files, `a1.json a2.json : b1.json b2.json`, on one ground truth.

    names: comma-separated, one an arm. say: told how far it is. `SpecError` with every fault of
    every file.
    """
    arms = arms_of(words, names)
    read = read_files(truth, arms, draws, seed, say)
    return compare(
        read.arms,
        kind="files",
        title=f"{' : '.join(arms)} on {truth}",
        test=test,
        draws=draws,
        seed=seed,
        images=len(read.truth.document["images"]),
        notes=read.notes,
        doubts=read.doubts,
    )
