"""What `harness plan` says of an ablation: what each arm changes, and how near controls come."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def say_ablation(document: Mapping[str, Any], console: Console) -> None:
    """A table of the arms, one row each, and what is untuned; nothing of other studies' arms."""
    said = document.get("ablation")
    if said:
        macs: dict[str, int] = {}
        for trial in document["trials"]:
            macs.setdefault(trial["arm"], trial["macs"])
        console.print(_table(said, macs))
    arms = len({trial["arm"] for trial in document["trials"]})
    for line in untuned_words(document.get("untuned") or {}, arms):
        console.print(line, style="yellow", highlight=False, markup=False, soft_wrap=True)


def _table(said: Mapping[str, Any], macs: Mapping[str, int]) -> Table:
    table = Table(title="what each arm changes")
    for head in ("arm", "against", "changed"):
        table.add_column(head)
    table.add_column("M multiply-adds", justify="right")
    for arm in said["arms"]:
        own, other = macs.get(arm["name"]), macs.get(arm["against"] or "")
        table.add_row(
            escape(arm["name"]),
            escape(arm["against"] or ""),
            escape(changed_words(arm, said["matched"])),
            f"{(own - other) / 1e6:+,.2f}" if own is not None and other is not None else "",
        )
    return table


def changed_words(arm: Mapping[str, Any], matched: Iterable[Mapping[str, Any]]) -> str:
    """`without skips: rewrites`, or of a control its width and by how much it misses."""
    found = [one["words"] for one in matched if one["arm"] == arm["name"]]
    told = "; ".join(dict.fromkeys(found)) or arm["settings"]
    return f"{arm['changes']}: {told}" if told else str(arm["changes"])


def untuned_words(untuned: Mapping[str, str], arms: int) -> list[str]:
    """One line for each thing to say, with the arms it is said of where these are not all."""
    lines = []
    for note in dict.fromkeys(untuned.values()):
        names = [arm for arm, said in untuned.items() if said == note]
        who = "every arm but the baseline" if len(names) >= arms - 1 else ", ".join(names)
        lines.append(f"{who}: {note}")
    return lines
