"""A report of a study under way: what its page says of that, and how often it reloads."""

from dataclasses import dataclass

from harness.plurals import many

RELOAD_S = 10


@dataclass(frozen=True, slots=True)
class Live:
    """How far a study was when its report was drawn. None of it is in a report of a study at rest.

    done, of: trials; running: of those that are not done. moment: when, UTC, to the second.
    """

    done: int
    of: int
    running: int
    moment: str
    every_s: int = RELOAD_S

    @property
    def words(self) -> str:
        """Said at the head of the page."""
        now = f"{self.running} running" if self.running else "nobody trains the rest now"
        trials = many(self.of, "trial")
        return (
            f"A study under way: {self.done} of {trials} by {self.moment}, {now}. What "
            f"follows is of those alone. This page loads itself again every {self.every_s} s."
        )
