"""What `show --code` prints: a network as one file, with the command that writes it again."""

from collections.abc import Iterable, Iterator
from importlib.metadata import version

from harness.door.describe import Lens, Shown, describe
from harness.errors import SpecError, did_you_mean
from harness.graph import digest


def code(name: str, lens: Lens, library: str | None, plugins: Iterable[str] = ()) -> str:
    """The Python file of a topology or model, for the channels it is looked at with.

    plugins: those that were loaded for it, for the command in its header.
    """
    from harness.takehome import LIBRARIES, Heading, take_home

    if library not in (None, *LIBRARIES):
        known = ", ".join(LIBRARIES)
        raise SpecError(
            f"--for {library}: should be one of {known}{did_you_mean(library, LIBRARIES)}"
        )
    shown = describe(name, lens)
    heading = Heading(
        made_by=tuple(_command(name, lens, shown, library, plugins)),
        digest=digest(shown.graph),
        version=version("feature-network-harness"),
        image_size=shown.image_size,
        params=shown.inferred.params,
        macs=shown.inferred.macs,
        source=shown.source,
        approximates=shown.about.approximates,
    )
    channels = {f"p{level}": number for level, number in shown.channels.items()}
    return take_home(shown.graph, heading, channels=channels, width=shown.width, library=library)


def _command(
    name: str, lens: Lens, shown: Shown, library: str | None, plugins: Iterable[str]
) -> Iterator[str]:
    """Words of the command, with what it took from a backbone or a model said outright."""
    yield from ("harness", "show", name)
    yield from ("--channels", ",".join(f"p{n}={shown.channels[n]}" for n in shown.graph.inputs))
    yield from ("--width", str(shown.width))
    if lens.repeats is not None:
        yield from ("--repeats", str(lens.repeats))
    if lens.levels is not None:
        yield from ("--levels", "p{}..p{}".format(*lens.levels))
    if lens.image_size is not None:
        yield from ("--image-size", str(lens.image_size))
    for plugin in plugins:
        yield from ("--plugin", plugin)
    yield "--code"
    if library is not None:
        yield from ("--for", library)
