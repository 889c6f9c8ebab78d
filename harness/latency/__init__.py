"""How long networks take, by the clock: one alone (`single`), or several in turn as ratios."""

from harness.latency.single import measure

__all__ = ["measure"]
