"""The sections of the page, in their order: the page and its table of contents are both of these.

A new section is a line here and a template of its name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Section:
    """name: of its template and its anchor. shown: whether there is something to show."""

    name: str
    title: str
    shown: Callable[[Any, Mapping[str, Any]], bool] = lambda data, pictures: True

    @property
    def template(self) -> str:
        return f"{self.name}.html"


def _has(name: str) -> Callable[[Any, Mapping[str, Any]], bool]:
    """Whether the data has something under a name."""
    return lambda data, pictures: bool(getattr(data, name, None))


def _drawn(name: str) -> Callable[[Any, Mapping[str, Any]], bool]:
    return lambda data, pictures: name in pictures


SECTIONS = (
    Section("contrasts", "Contrasts", _drawn("forest")),
    Section("summary", "Table"),
    Section("telling", "What so many seeds can tell", _has("telling")),
    Section("above", "Share of runs above each AP", _drawn("above")),
    Section("fronts", "How sure the fronts are", _has("fronts")),
    Section("matched", "At equal cost", _has("matched")),
    Section("quoted", "Published, quoted", _has("quoted")),
    Section("ablation", "What each part is worth", _has("ablation")),
    Section("search", "Search", _has("search")),
    Section("families", "Families at equal cost", _has("families")),
    Section("needs", "AP by need", _has("needs")),
    Section("curves", "Training curves", _drawn("curves")),
    Section("fusion", "Fusion weights", _has("fusion")),
    Section("networks", "Networks", lambda data, pictures: bool(data.networks.networks)),
    Section("parts", "Cost by part", _drawn("parts")),
    Section("errors", "Errors by kind", _has("errors")),
    Section("pictures", "Pictures", _has("pictures")),
    Section("latency", "Latency", _has("latency")),
    Section("elsewhere", "Latency, measured elsewhere", _has("elsewhere")),
    Section("costs", "Other costs", _drawn("others")),
    Section("proxy", "The same arms under other profiles", _has("proxy")),
    Section("planned", "Planned, and added"),
    Section("cells", "Every planned cell"),
    Section("ran", "What was run"),
    Section("counted", "How cost is counted"),
)


def shown(data: Any, pictures: Mapping[str, Any]) -> tuple[Section, ...]:
    """The sections that have something to show."""
    return tuple(one for one in SECTIONS if one.shown(data, pictures))
