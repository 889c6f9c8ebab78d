"""Verbs on weights and known results: bring in, evaluate, take away; what is published.

Each imports its floors when it runs, so that `--help` is instant.
"""

from pathlib import Path

import click

from harness.door.options import (
    MOST,
    NOT_HELD,
    device_option,
    friendly,
    json_option,
    plugin_option,
    results_option,
    say_json,
)


@click.command("import")
@click.argument("kind", metavar="effdet")
@click.argument("checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--model", help="effdet's name or ours. [default: what the file's name begins with]")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="[default: MODEL.pt]")
@json_option
@friendly
def import_weights(
    kind: str, checkpoint: Path, model: str | None, out: Path | None, as_json: bool
) -> None:
    """Weights of effdet's naming into a file that `eval` and `harness.load_detector` read."""
    from harness.door.exchange import import_document, import_words

    document = import_document(kind, checkpoint, model, out)
    say_json(document) if as_json else click.echo("\n".join(import_words(document)))
    if not document["complete"]:
        click.get_current_context().exit(NOT_HELD)


@click.command("eval")
@click.argument("model", metavar="MODEL|TRIAL")
@click.option("--data", default="coco", show_default=True, type=click.Choice(["coco"]))
@click.option(
    "--root", required=True, type=click.Path(path_type=Path), help="A folder in COCO form."
)
@click.option(
    "--weights", type=click.Path(path_type=Path), help="What `harness import` made; of a MODEL."
)
@click.option("--image-size", type=click.IntRange(32, MOST), help="[default: the model's]")
@device_option
@click.option("--limit", type=click.IntRange(min=1), help="So many images, always the same.")
@plugin_option
@results_option
@json_option
@friendly
def evaluate_command(
    model: str,
    data: str,
    root: Path,
    weights: Path | None,
    image_size: int | None,
    device: str,
    limit: int | None,
    plugins: tuple[str, ...],
    results: Path,
    as_json: bool,
) -> None:
    """COCO AP of imported weights or a trial (id, or how it begins), published post-processing."""
    from harness.door.evaluation import evaluation_words
    from harness.evaluation import evaluate_model
    from harness.plugins import load

    load(plugins)
    record, file = evaluate_model(
        model,
        root,
        results,
        weights=weights,
        image_size=image_size,
        device=device,
        limit=limit,
    )
    say_json(record) if as_json else click.echo("\n".join(evaluation_words(record, file)))


@click.command()
@click.argument("trial")
@click.option("--out", type=click.Path(file_okay=False), help="[default: exports/TRIAL]")
@plugin_option
@results_option
@friendly
def export(trial: str, out: str | None, plugins: tuple[str, ...], results: Path) -> None:
    """A finished trial (id, or how it begins) for use elsewhere: weights, topology, ONNX."""
    from harness.door.exporting import export_trial
    from harness.plugins import load

    load(plugins)
    made = export_trial(trial, results, Path(out) if out else None, plugins)
    for note in made.notes:
        click.echo(note, err=True)
    for file in sorted(made.folder.iterdir()):
        click.echo(str(file))


@click.command()
@results_option
@json_option
@friendly
def anchors(results: Path, as_json: bool) -> None:
    """Known AP that training and evaluation can be held against, and what came of it here."""
    from harness.door.anchors import anchor_words
    from harness.published.anchors import anchor_states

    states = anchor_states(results)
    if as_json:
        say_json({"anchors": [state.as_json() for state in states]})
    else:
        click.echo("\n\n".join(map(anchor_words, states)))


@click.command()
@click.option("--out", type=click.Path(dir_okay=False), help="Write the page to this file.")
@click.option(
    "--studies",
    default="search_spaces",
    show_default=True,
    type=click.Path(exists=True, file_okay=False),
    help="Folder of the shipped studies.",
)
@results_option
@friendly
def fidelity(out: str | None, studies: str, results: Path) -> None:
    """Every published figure beside ours, with its match or its reason: docs/fidelity.md."""
    from harness.fidelity.page import page
    from harness.files import write_whole

    made = page(Path(studies), results)
    if out is None:
        click.echo(made, nl=False)
        return
    write_whole(Path(out), made)
    click.echo(out, err=True)
