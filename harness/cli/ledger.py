"""Verbs on the ledger: free what no record needs, train a recorded trial again and compare.

Each imports its floors when it runs, so that `--help` is instant.
"""

from pathlib import Path

import click

from harness.door.options import (
    NOT_HELD,
    device_option,
    friendly,
    json_option,
    plugin_option,
    results_option,
    say_json,
)


@click.command("gc")
@click.option("--yes", is_flag=True, help="Free it. [default: only say what would be freed]")
@click.option(
    "--days",
    default=7.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Age of what belongs to no finished trial.",
)
@click.option("--all-checkpoints", is_flag=True, help="Also checkpoints that records keep.")
@click.option("--cache", is_flag=True, help="Also features and generated images.")
@results_option
@json_option
@friendly
def collect_garbage(
    yes: bool, days: float, all_checkpoints: bool, cache: bool, results: Path, as_json: bool
) -> None:
    """Free what no record needs: surplus checkpoints, torn files, what Ray left. Dry by default."""
    from harness.door.leftovers import leftovers_document, say_leftovers
    from harness.leftovers import Rules, find_leftovers, free

    found = find_leftovers(results, Rules(days, all_checkpoints, cache))
    freed = free(found.leftovers, results) if yes else None
    document = leftovers_document(found, freed)
    say_json(document) if as_json else say_leftovers(document)


@click.command()
@click.argument("trial")
@device_option
@click.option("--threads", type=click.IntRange(min=1), help="[default: as recorded]")
@click.option(
    "--keep-in",
    "scratch",
    type=click.Path(file_okay=False, path_type=Path),
    help="Leave the second training here. [default: a folder that is removed]",
)
@plugin_option
@results_option
@json_option
@friendly
def rerun(
    trial: str,
    device: str,
    threads: int | None,
    scratch: Path | None,
    plugins: tuple[str, ...],
    results: Path,
    as_json: bool,
) -> None:
    """Train a recorded trial again, elsewhere, and compare digit by digit."""
    from harness.door.again import again, again_words
    from harness.plugins import load

    load(plugins)
    document = again(trial, results, device, threads, scratch, plugins)
    say_json(document) if as_json else click.echo("\n".join(again_words(document)))
    if not document["equal"]:
        click.get_current_context().exit(NOT_HELD)
