"""Orders and cycles of named things that read one another."""

from collections.abc import Mapping, Sequence


def in_order(reads: Mapping[str, Sequence[str]]) -> list[str]:
    """The names so that each follows what it reads, else as they stand; cycles are cut."""
    done: dict[str, None] = {}
    met: set[str] = set()
    for name in reads:
        trail = [name]
        while trail:
            one = trail[-1]
            if one in met:
                done.setdefault(trail.pop())
                continue
            met.add(one)
            trail += [
                other for other in reversed(reads[one]) if other in reads and other not in met
            ]
    return list(done)


def cycle_of(reads: Mapping[str, Sequence[str]]) -> list[str]:
    """Names along one cycle, first name repeated at the end; empty where there is none."""
    left = {name: {one for one in found if one in reads} for name, found in reads.items()}
    readers: dict[str, list[str]] = {}
    for name, sources in left.items():
        for source in sources:
            readers.setdefault(source, []).append(name)
    free = [name for name, sources in left.items() if not sources]
    while free:
        source = free.pop()
        del left[source]
        for name in readers.get(source, ()):
            left[name].discard(source)
            if not left[name]:
                free.append(name)
    if not left:
        return []
    trail = [next(iter(left))]
    while trail[-1] not in trail[:-1]:
        trail.append(next(one for one in reads[trail[-1]] if one in left))
    loop = trail[trail.index(trail[-1]) :]
    return loop[::-1]
