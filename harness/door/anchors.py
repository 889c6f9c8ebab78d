"""What `harness anchors` says."""

from harness.published.anchors import State


def anchor_words(state: State) -> str:
    """One anchor: what is known, how to repeat it, and what came of it."""
    its = state.anchor
    lines = [
        f"{state.name}: {its.what}",
        f"  checks   {its.checks}",
        f"  known    {its.ap:.1f} AP ({its.source})",
        f"  here     {_here(state)}",
        *(f"  run      {command}" for command in its.commands),
        f"  record   {its.record}",
    ]
    return "\n".join(lines + ([f"  differs  {its.differs}"] if its.differs else []))


def _here(state: State) -> str:
    if state.ap is None or state.difference is None:
        return state.note
    runs = f"mean of {state.runs} seeds, " if state.runs > 1 else ""
    return f"{state.ap:.1f} AP ({state.difference:+.1f}; {runs}{state.device})"
