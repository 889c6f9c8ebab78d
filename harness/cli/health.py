"""The verb on the harness itself: what may be believed of its results here.

It imports its floors when it runs, so that `--help` is instant.
"""

from pathlib import Path

import click

from harness.door.options import (
    NOT_HELD,
    device_option,
    friendly,
    json_option,
    results_option,
    say_json,
    threads_option,
)


@click.command()
@click.option(
    "--quick/--full", default=True, show_default=True, help="In a minute, or all there is to check."
)
@click.option(
    "--controls",
    is_flag=True,
    help="First train what the studies control.yaml and aa.yaml lack: 40 minutes on two cores.",
)
@click.option("--profile", help="Of the studies that --controls trains. [default: laptop]")
@click.option("--engine", default="ray", show_default=True, help="For --controls: ray or inline.")
@device_option
@threads_option
@click.option("--seed", default=0, show_default=True, help="Of what checks draw at random.")
@results_option
@json_option
@friendly
def doctor(
    quick: bool,
    controls: bool,
    profile: str | None,
    engine: str,
    device: str,
    threads: int,
    seed: int,
    results: Path,
    as_json: bool,
) -> None:
    """What may be believed here: versions, device, determinism, counts, statistics, controls."""
    import tempfile

    from harness.doctor import Setting, examine
    from harness.door.doctor import broken, doctor_document, doctor_words
    from harness.files import place

    where = place(results)
    if controls:
        _train_controls(profile, where, engine, device, threads)
    with tempfile.TemporaryDirectory(prefix="doctor-") as scratch:
        setting = Setting(where, Path(scratch), device, not quick, seed)
        found = examine(setting, say=lambda check: click.echo(f"{check.name} ...", err=True))
    if as_json:
        say_json(doctor_document(found, not quick))
    else:
        click.echo("\n".join(doctor_words(found)))
    if broken(found):
        click.get_current_context().exit(NOT_HELD)


def _train_controls(
    profile: str | None, results: Path, engine: str, device: str, threads: int
) -> None:
    from rich.console import Console

    from harness.crew import Watching
    from harness.doctor.missing import control_studies, train_missing
    from harness.door.watching import watcher
    from harness.space.study import Study
    from harness.space.workplace import Workplace

    errors = Console(stderr=True)

    def watching(study: Study) -> Watching:
        return watcher(results, study.name, study.profile, errors)

    def say(line: str) -> None:
        errors.print(line, highlight=False, markup=False)

    where = Workplace(results, device=device, threads=threads, engine=engine)
    train_missing(control_studies(profile), where, watching, say)
