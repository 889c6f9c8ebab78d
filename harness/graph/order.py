"""Orders and cycles of named things that read one another."""

from collections.abc import Mapping, Sequence


def in_order(reads: Mapping[str, Sequence[str]]) -> list[str]:
    """The names so that each follows what it reads, else as they stand; cycles are cut."""
    done: dict[str, None] = {}
    for name in reads:
        _visit(name, reads, done, set())
    return list(done)


def _visit(
    name: str, reads: Mapping[str, Sequence[str]], done: dict[str, None], open_: set[str]
) -> None:
    if name in done or name in open_ or name not in reads:
        return
    open_.add(name)
    for source in reads[name]:
        _visit(source, reads, done, open_)
    done[name] = None


def cycle_of(reads: Mapping[str, Sequence[str]]) -> list[str]:
    """Names along one cycle, first name repeated at the end; empty where there is none."""
    left = {name: [one for one in found if one in reads] for name, found in reads.items()}
    while True:
        free = [name for name, found in left.items() if not any(one in left for one in found)]
        if not free:
            break
        for name in free:
            del left[name]
    if not left:
        return []
    trail = [next(iter(left))]
    while trail[-1] not in trail[:-1]:
        trail.append(next(one for one in left[trail[-1]] if one in left))
    loop = trail[trail.index(trail[-1]) :]
    return loop[::-1]
