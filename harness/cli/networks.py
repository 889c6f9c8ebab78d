"""Verbs on networks and files: check, show and compare them, count their cost, list names.

Each imports its floors when it runs, so that `--help` is instant.
"""

from pathlib import Path

import click

from harness.door.options import (
    friendly,
    json_option,
    network_options,
    plugin_option,
    read_lens,
    results_option,
    say_json,
)
from harness.errors import SpecError
from harness.plurals import many


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option(
    "--build", is_flag=True, help="Build topologies, run them, hold them to their closed form."
)
@plugin_option
@friendly
def check(files: tuple[str, ...], build: bool, plugins: tuple[str, ...]) -> None:
    """All faults of studies and topologies, with file and line."""
    from harness.door.checking import check_build, check_file
    from harness.plugins import load
    from harness.space.nearby import study_file

    load(plugins)
    files = tuple(map(study_file, files))
    faults = [fault for file in files for fault in check_file(Path(file))]
    if build and not faults:
        faults = [fault for file in files for fault in check_build(Path(file))]
    if faults:
        raise SpecError(faults)
    click.echo(f"{many(len(files), 'file')}: no fault")


@click.command()
@click.argument("name")
@network_options
@click.option("--svg", type=click.Path(dir_okay=False), help="Draw to this file.")
@click.option("--code", "as_code", is_flag=True, help="One Python file that needs torch alone.")
@click.option(
    "--for",
    "library",
    metavar="LIBRARY",
    help="With --code: a wrapper for mmdet, detectron2 or ultralytics.",
)
@plugin_option
@json_option
@friendly
def show(
    name: str,
    image_size: int | None,
    width: int | None,
    repeats: int | None,
    levels: str | None,
    channels: str | None,
    backbone: str | None,
    svg: str | None,
    as_code: bool,
    library: str | None,
    plugins: tuple[str, ...],
    as_json: bool,
) -> None:
    """A topology or model: nodes, shapes, parameters, multiply-adds a node, reach."""
    from harness.door.describe import describe
    from harness.plugins import load

    load(plugins)
    lens = read_lens(image_size, width, repeats, levels, channels, backbone)
    if as_code:
        from harness.door.takehome import code

        if as_json or svg:
            raise SpecError("--code is by itself: without --json and --svg")
        click.echo(code(name, lens, library, plugins), nl=False)
        return
    if library is not None:
        raise SpecError(f"--for {library}: it goes with --code")
    shown = describe(name, lens)
    if svg:
        Path(svg).write_text(shown.svg())
        click.echo(svg, err=True)
    if as_json:
        say_json(shown.as_json())
    elif not svg:
        click.echo(shown.text())


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@network_options
@plugin_option
@json_option
@friendly
def diff(
    first: str,
    second: str,
    image_size: int | None,
    width: int | None,
    repeats: int | None,
    levels: str | None,
    channels: str | None,
    backbone: str | None,
    plugins: tuple[str, ...],
    as_json: bool,
) -> None:
    """How topology or model B differs from A: node by node, edge by edge, and in cost."""
    from harness.door.describe import describe
    from harness.door.difference import difference_words
    from harness.graph.diff import compare
    from harness.plugins import load

    load(plugins)
    lens = read_lens(image_size, width, repeats, levels, channels, backbone)
    a, b = describe(first, lens), describe(second, lens)
    found = compare(a.graph, b.graph, (a.inferred, b.inferred))
    say_json(found.as_json()) if as_json else click.echo(
        difference_words(found, (a.sizes(), b.sizes()))
    )


@click.command()
@click.argument("words", nargs=-1, metavar="NAME | --compound KEY=VALUE...")
@click.option(
    "--compound",
    is_flag=True,
    help="A detector by the scaling rules: phi=2.5 width_factor=1.25 rounding=multiple_of_8 ...",
)
@plugin_option
@json_option
@friendly
def cost(words: tuple[str, ...], compound: bool, plugins: tuple[str, ...], as_json: bool) -> None:
    """Params and multiply-adds by part (of a topology: in D0), FLOPs by convention, quotes."""
    from harness.door.compound import compound_document, one_name, size_lines
    from harness.door.describe import cost_document
    from harness.door.printing import say_cost
    from harness.plugins import load

    load(plugins)
    document = compound_document(words) if compound else cost_document(one_name(words))
    if as_json:
        say_json(document)
        return
    say_cost(document)
    for line in size_lines(document):
        click.echo(line)


@click.command()
@json_option
@friendly
def scaling(as_json: bool) -> None:
    """The compound scaling rules, the family as published, and where they part."""
    from harness.door.scaling import say_scaling, scaling_document

    document = scaling_document()
    say_json(document) if as_json else say_scaling(document)


@click.command()
@click.argument("kind", metavar="topology|study")
@plugin_option
@friendly
def schema(kind: str, plugins: tuple[str, ...]) -> None:
    """A JSON Schema of topology or study files, for editors to check and complete by."""
    from harness.door.schemas import schema_of
    from harness.plugins import load

    load(plugins)
    say_json(schema_of(kind))


@click.command("ls")
@plugin_option
@results_option
@json_option
@friendly
def list_names(plugins: tuple[str, ...], results: Path, as_json: bool) -> None:
    """Topologies, backbones, ops, heads, datasets, and studies with their progress."""
    from harness.door.listing import listing, listing_words
    from harness.plugins import load

    load(plugins)
    document = listing(results)
    say_json(document) if as_json else click.echo("\n".join(listing_words(document)))
