"""The verbs. Each command imports its floors when it runs, so that `--help` is instant."""

import sys
from pathlib import Path
from typing import Any

import click

from harness.door.options import (
    MOST,
    NOT_HELD,
    device_option,
    friendly,
    json_option,
    network_options,
    plugin_option,
    profile_option,
    read_lens,
    reports_option,
    results_option,
    seeds_option,
    set_option,
)
from harness.errors import SpecError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="feature-network-harness")
@click.pass_context
def main(context: click.Context, debug: bool) -> None:
    """Search and ablate multi-scale feature networks (FPN, PANet, NAS-FPN, BiFPN, ...)."""
    context.obj = {"debug": debug}


@main.command()
@click.argument("study", type=click.Path())
@profile_option
@seeds_option
@set_option
@click.option("--engine", default="ray", show_default=True, help="ray or inline.")
@device_option
@click.option(
    "--threads",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="Threads of one trial.",
)
@click.option(
    "--trial", "work", metavar="PACKAGE:FUNCTION", help="Train with a function of your own."
)
@click.option("--limit", type=click.IntRange(min=0), help="Train at most so many trials now.")
@click.option("--retry", type=click.Choice(["failed"]), help="Train these again, too.")
@plugin_option
@results_option
@reports_option
@friendly
def run(
    study: str,
    profile: str | None,
    seeds: int | None,
    sets: tuple[str, ...],
    engine: str,
    device: str,
    threads: int,
    work: str | None,
    limit: int | None,
    retry: str | None,
    plugins: tuple[str, ...],
    results: str,
    reports: str,
) -> None:
    """Run a study to its end: train what the ledger lacks, then write the report."""
    from rich.console import Console

    from harness.door.printing import say_outcome, wide_console
    from harness.door.progress import Progress
    from harness.plugins import load
    from harness.run import RUN_TRIAL, Named, Orders, resolve, run_study
    from harness.space.profiles import load_study
    from harness.space.workplace import Workplace

    load(plugins)
    loaded = load_study(study, profile=profile, sets=sets, seeds=seeds)
    if work is not None:
        resolve(work)
    where = Workplace(Path(results).resolve(), device=device, threads=threads)
    errors = Console(stderr=True)
    outcome = run_study(
        loaded,
        Orders(where, engine, limit, retry is not None),
        work=Named(work or RUN_TRIAL, plugins),
        watching=lambda names: Progress(names, errors),
        say=lambda line: errors.print(line, highlight=False, markup=False),
    )
    written = write_report(results, reports, loaded.name, loaded.profile)
    say_outcome(outcome, where.results, written, wide_console())
    if outcome.failed:
        click.get_current_context().exit(NOT_HELD)


@main.command()
@click.argument("study", type=click.Path())
@profile_option
@seeds_option
@set_option
@plugin_option
@results_option
@json_option
@friendly
def plan(
    study: str,
    profile: str | None,
    seeds: int | None,
    sets: tuple[str, ...],
    plugins: tuple[str, ...],
    results: str,
    as_json: bool,
) -> None:
    """What would run and what it would cost, before anything does."""
    from harness.door.printing import say_plan
    from harness.engines.base import processors
    from harness.ledger import Ledger
    from harness.plan import estimate, make_plan, open_facts
    from harness.plugins import load
    from harness.space.assumed import or_assumed
    from harness.space.profiles import load_study
    from harness.space.workplace import Workplace

    load(plugins)
    loaded = load_study(study, profile=profile, sets=sets, seeds=seeds)
    where = Workplace(Path(results))
    ledger = Ledger(where.results)
    made = make_plan(loaded, ledger, or_assumed(loaded.spec, open_facts(where.cache)))
    document = made.as_json(estimate(made, ledger, where, processors()))
    say_json(document) if as_json else say_plan(document)


@main.command()
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

    load(plugins)
    faults = [fault for file in files for fault in check_file(Path(file))]
    if build and not faults:
        faults = [fault for file in files for fault in check_build(Path(file))]
    if faults:
        raise SpecError(faults)
    click.echo(f"{len(files)} file{'s' if len(files) > 1 else ''}: no fault")


@main.command()
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


@main.command()
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


@main.command()
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


@main.command()
@json_option
@friendly
def scaling(as_json: bool) -> None:
    """The compound scaling rules, the family as published, and where they part."""
    from harness.door.scaling import say_scaling, scaling_document

    document = scaling_document()
    say_json(document) if as_json else say_scaling(document)


@main.command()
@click.argument("study", type=click.Path())
@click.argument("arms", nargs=-1, metavar="[ARM]...")
@profile_option
@set_option
@click.option("--image-size", type=click.IntRange(32, MOST), help="[default: the study's]")
@click.option("--batch", default=1, show_default=True, type=click.IntRange(min=1))
@click.option("--rounds", default=30, show_default=True, type=click.IntRange(min=2))
@device_option
@click.option("--threads", default=1, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--precision",
    default="float32",
    show_default=True,
    type=click.Choice(["float32", "bfloat16", "float16"]),
)
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(["feature_network", "model"]),
    help="[default: both]",
)
@click.option(
    "--mode",
    "modes",
    multiple=True,
    type=click.Choice(["stepwise", "eager", "compiled"]),
    help="[default: all] stepwise: fusion step by step as the paper's framework ran it; "
    "compiled: torch.compile, which takes minutes on a CPU.",
)
@plugin_option
@results_option
@json_option
@friendly
def latency(
    study: str,
    arms: tuple[str, ...],
    profile: str | None,
    sets: tuple[str, ...],
    image_size: int | None,
    batch: int,
    rounds: int,
    device: str,
    threads: int,
    precision: Any,
    parts: tuple[Any, ...],
    modes: tuple[Any, ...],
    plugins: tuple[str, ...],
    results: str,
    as_json: bool,
) -> None:
    """How fast arms of a study are beside the first of them, measured in turn on one device."""
    from harness.door.latency import latency_document, measure_arms, models_of, say_latency
    from harness.door.printing import wide_console
    from harness.plugins import load
    from harness.space.profiles import load_study
    from harness.timings import MODES, PARTS, Conditions, timings_path

    load(plugins)
    loaded = load_study(study, profile=profile, sets=sets)
    models = models_of(loaded, arms, image_size)
    how = Conditions(device, threads, rounds, batch, precision, parts or PARTS, modes or MODES)
    where = Path(results)
    found = measure_arms(loaded, models, how, where, lambda line: click.echo(line, err=True))
    file = timings_path(where, loaded.name, loaded.profile)
    if as_json:
        say_json(latency_document(loaded, found, file))
        return
    published = loaded.spec.published
    say_latency(found, published.model_dump() if published else None, wide_console())
    click.echo(str(file))


@main.command()
@click.argument("study")
@click.option("--profile", help="[default: laptop, or the only one there is]")
@plugin_option
@results_option
@reports_option
@click.option(
    "--published", is_flag=True, help="Published detectors on the Pareto plot, quoted, not ranked."
)
@friendly
def report(
    study: str,
    profile: str | None,
    plugins: tuple[str, ...],
    results: str,
    reports: str,
    published: bool,
) -> None:
    """Draw the report of a study again, from results alone."""
    from harness.door.printing import say_written
    from harness.plugins import load
    from harness.studies import chosen_profile

    load(plugins)
    name = Path(study).stem if study.endswith((".yaml", ".yml")) else study
    profile = chosen_profile(Path(results), name, profile)
    say_written(write_report(results, reports, name, profile, published))


@main.command()
@click.argument("trial")
@click.option("--out", type=click.Path(file_okay=False), help="[default: exports/TRIAL]")
@plugin_option
@results_option
@friendly
def export(trial: str, out: str | None, plugins: tuple[str, ...], results: str) -> None:
    """A finished trial (id, or how it begins) for use elsewhere: weights, topology, ONNX."""
    from harness.door.exporting import export_trial
    from harness.plugins import load

    load(plugins)
    made = export_trial(trial, Path(results), Path(out) if out else None, plugins)
    for note in made.notes:
        click.echo(note, err=True)
    for file in sorted(made.folder.iterdir()):
        click.echo(str(file))


@main.command()
@results_option
@json_option
@friendly
def anchors(results: str, as_json: bool) -> None:
    """Known AP that training and evaluation can be held against, and what came of it here."""
    from harness.door.anchors import anchor_words
    from harness.published.anchors import anchor_states

    states = anchor_states(Path(results))
    if as_json:
        say_json({"anchors": [state.as_json() for state in states]})
    else:
        click.echo("\n\n".join(map(anchor_words, states)))


@main.command("import")
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


@main.command("eval")
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
    results: str,
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
        Path(results),
        weights=weights,
        image_size=image_size,
        device=device,
        limit=limit,
    )
    say_json(record) if as_json else click.echo("\n".join(evaluation_words(record, file)))


@main.command()
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
def fidelity(out: str | None, studies: str, results: str) -> None:
    """Every published figure beside ours, with its match or its reason: docs/fidelity.md."""
    from harness.fidelity.page import page
    from harness.ledger import write_whole

    made = page(Path(studies), Path(results))
    if out is None:
        click.echo(made, nl=False)
        return
    write_whole(Path(out), made)
    click.echo(out, err=True)


@main.command()
@click.argument("kind", metavar="topology|study")
@plugin_option
@friendly
def schema(kind: str, plugins: tuple[str, ...]) -> None:
    """A JSON Schema of topology or study files, for editors to check and complete by."""
    from harness.door.schemas import schema_of
    from harness.plugins import load

    load(plugins)
    say_json(schema_of(kind))


@main.command("ls")
@plugin_option
@results_option
@json_option
@friendly
def list_names(plugins: tuple[str, ...], results: str, as_json: bool) -> None:
    """Topologies, backbones, ops, heads, datasets, and studies that have results."""
    from harness.door.describe import names
    from harness.plugins import load

    load(plugins)
    document = names(Path(results))
    if as_json:
        say_json(document)
        return
    for kind, found in document.items():
        click.echo(f"{kind}: {', '.join(found) or '-'}")


def write_report(
    results: str, reports: str, study: str, profile: str, published: bool = False
) -> Any:
    from harness.report import write_report as write

    return write(Path(results), study, profile, Path(reports), published=published)


def say_json(document: Any) -> None:
    import json

    click.echo(json.dumps(document, indent=1))


if __name__ == "__main__":
    sys.exit(main())
