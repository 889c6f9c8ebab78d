"""Which harness this is: the commit of its own sources."""

import subprocess
from functools import cache
from pathlib import Path


@cache
def git_commit() -> str | None:
    """Commit of the harness's own sources (`+dirty` where tracked files differ), or None."""
    here = Path(__file__).resolve().parent

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(here), *words], capture_output=True, text=True, timeout=5, check=True
        )
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "errors.py")
        dirty = git("status", "--porcelain", "--untracked-files=no", "--", str(here))
        return git("rev-parse", "HEAD") + ("+dirty" if dirty else "")
    except (OSError, subprocess.SubprocessError):
        return None
