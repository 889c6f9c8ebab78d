"""Verbs on studies: run one, plan it, time its arms, draw its report.

Each imports its floors when it runs, so that `--help` is instant.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from harness.door.options import (
    MOST,
    NOT_HELD,
    device_option,
    friendly,
    json_option,
    plugin_option,
    profile_option,
    reports_option,
    results_option,
    say_json,
    seeds_option,
    set_option,
    threads_option,
    trial_option,
)
from harness.door.place import place_options


@click.command()
@click.argument("study", type=click.Path())
@profile_option
@seeds_option
@set_option
@place_options
@trial_option
@click.option("--limit", type=click.IntRange(min=0), help="Train at most so many trials now.")
@click.option("--retry", type=click.Choice(["failed"]), help="Train these again, too.")
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True),
    help="Time budget: then nothing more starts, and what runs ends with its epoch.",
)
@plugin_option
@results_option
@reports_option
@friendly
def run(
    study: str,
    profile: str | None,
    seeds: int | None,
    sets: tuple[str, ...],
    work: str | None,
    limit: int | None,
    retry: str | None,
    hours: float | None,
    plugins: tuple[str, ...],
    results: Path,
    reports: str,
    **said: Any,
) -> None:
    """Run a study to its end: train what the ledger lacks, then write the report."""
    from rich.console import Console

    from harness.door.printing import say_outcome, wide_console
    from harness.door.watching import watcher
    from harness.files import place
    from harness.plugins import load
    from harness.run import Orders, run_study
    from harness.space.nearby import study_file
    from harness.space.profiles import load_study
    from harness.space.workplace import Workplace
    from harness.trainers import trainer_of, work_of

    load(plugins)
    loaded = load_study(study_file(study), profile=profile, sets=sets, seeds=seeds)
    loaded = replace(loaded, trainer=trainer_of(work))
    where = Workplace(place(results), **said)
    budget = None if hours is None else 3600 * hours
    errors = Console(stderr=True)
    outcome = run_study(
        loaded,
        Orders(where, limit, retry is not None, budget),
        work=work_of(work, loaded.trainer, plugins),
        watching=watcher(where.results, loaded.name, loaded.profile, errors),
        say=lambda line: errors.print(line, highlight=False, markup=False),
    )
    written = write_report(results, reports, loaded.name, loaded.profile)
    say_outcome(outcome, where.results, written, wide_console(), answer_in(written))
    if outcome.failed:
        click.get_current_context().exit(NOT_HELD)


@click.command()
@click.argument("study", type=click.Path())
@profile_option
@seeds_option
@set_option
@trial_option
@click.option("--limit", type=click.IntRange(min=0), help="As `run --limit` would train them.")
@click.option("--calibrate", is_flag=True, help="Time a few steps of each network on this device.")
@device_option
@threads_option
@click.option(
    "--at-once",
    type=click.IntRange(min=1),
    help="Trials at once. [default: as many as the processor has cores for]",
)
@plugin_option
@results_option
@json_option
@friendly
def plan(
    study: str,
    profile: str | None,
    seeds: int | None,
    sets: tuple[str, ...],
    work: str | None,
    limit: int | None,
    calibrate: bool,
    device: str,
    threads: int,
    at_once: int | None,
    plugins: tuple[str, ...],
    results: Path,
    as_json: bool,
) -> None:
    """What would run and what it would cost, before anything does."""
    from harness.door.plan import plan_document, say_plan
    from harness.door.printing import wide_console
    from harness.engines.base import processors
    from harness.files import place
    from harness.plan import open_facts
    from harness.plugins import load
    from harness.space.assumed import or_assumed
    from harness.space.nearby import study_file
    from harness.space.profiles import load_study
    from harness.space.workplace import Workplace
    from harness.trainers import trainer_of

    load(plugins)
    loaded = load_study(study_file(study), profile=profile, sets=sets, seeds=seeds)
    loaded = replace(loaded, trainer=trainer_of(work))
    where = Workplace(place(results), device=device, threads=threads)
    document = plan_document(
        loaded,
        where,
        or_assumed(loaded.spec, open_facts(where.cache)),
        at_once or max(1, processors() // threads),
        (lambda line: click.echo(line, err=True)) if calibrate else None,
        limit,
    )
    say_json(document) if as_json else say_plan(document, wide_console())


@click.command()
@click.argument("study", type=click.Path())
@click.argument("arms", nargs=-1, metavar="[ARM]...")
@profile_option
@set_option
@click.option("--image-size", type=click.IntRange(32, MOST), help="[default: the study's]")
@click.option("--batch", default=1, show_default=True, type=click.IntRange(min=1))
@click.option("--rounds", default=30, show_default=True, type=click.IntRange(min=2))
@device_option
@threads_option
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
@click.option(
    "--import",
    "brought",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Measure nothing: bring in a CSV of trial (or arm), device, runtime, milliseconds.",
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
    brought: Path | None,
    plugins: tuple[str, ...],
    results: Path,
    as_json: bool,
) -> None:
    """How fast arms of a study are beside the first of them, measured in turn on one device."""
    from harness.door.latency import latency_document, measure_arms, models_of, say_latency
    from harness.door.printing import wide_console
    from harness.plugins import load
    from harness.space.nearby import study_file
    from harness.space.profiles import load_study
    from harness.timings import MODES, PARTS, Conditions, timings_path

    load(plugins)
    if brought is not None:
        from harness.door.latencies import import_latencies, import_words

        document = import_latencies(study, profile, brought, results)
        say_json(document) if as_json else click.echo("\n".join(import_words(document)))
        return
    loaded = load_study(study_file(study), profile=profile, sets=sets)
    models = models_of(loaded, arms, image_size)
    how = Conditions(device, threads, rounds, batch, precision, parts or PARTS, modes or MODES)
    found = measure_arms(loaded, models, how, results, lambda line: click.echo(line, err=True))
    file = timings_path(results, loaded.name, loaded.profile)
    if as_json:
        say_json(latency_document(loaded, found, file))
        return
    published = loaded.spec.published
    say_latency(found, published.model_dump() if published else None, wide_console())
    click.echo(str(file))


@click.command()
@click.argument("study")
@click.option("--profile", help="[default: laptop, or the only one there is]")
@plugin_option
@results_option
@reports_option
@click.option(
    "--published", is_flag=True, help="Published detectors on the Pareto plot, quoted, not ranked."
)
@click.option(
    "--live", is_flag=True, help="Draw it again as trials end, until the study is over or Ctrl-C."
)
@friendly
def report(
    study: str,
    profile: str | None,
    plugins: tuple[str, ...],
    results: Path,
    reports: str,
    published: bool,
    live: bool,
) -> None:
    """Draw the report of a study again, from results alone.

    The answer comes first, on standard error; standard output has the paths of the files.
    """
    from harness.door.printing import say_written
    from harness.files import place
    from harness.ledger import Ledger
    from harness.plugins import load
    from harness.studies import chosen_profile, read_study, study_name

    load(plugins)
    name = study_name(study)
    profile = chosen_profile(results, name, profile)

    def draw(now: Any = None) -> Any:
        return write_report(results, reports, name, profile, published, now)

    if not live:
        written = draw()
        cells = read_study(place(results), name, profile).cells
        for line in Ledger(place(results)).damaged(cell.id for cell in cells):
            click.echo(line, err=True)
        if (said := answer_in(written)) is not None:
            click.echo(said, err=True)
        say_written(written)
        return
    from harness.door.live import follow
    from harness.door.lookout import Lookout

    lookout = Lookout(place(results), name, profile)
    say_written(follow(lookout, draw, lambda line: click.echo(line, err=True)))


def answer_in(written: Any) -> str | None:
    """The answer of a report that was written."""
    from harness.report.markdown import answer_of

    return answer_of(written)


def write_report(
    results: Path,
    reports: str,
    study: str,
    profile: str,
    published: bool = False,
    live: Any = None,
) -> Any:
    from harness.door.making import telling_of_draws
    from harness.report import write_report as write

    with telling_of_draws(lambda line: click.echo(line, err=True)):
        return write(results, study, profile, Path(reports), published=published, live=live)
