"""Verbs on what is under way: watch a study, read a trial's log.

Each imports its floors when it runs, so that `--help` is instant.
"""

from contextlib import suppress
from pathlib import Path

import click

from harness.door.options import friendly, json_option, results_option, say_json

study_profile = click.option("--profile", help="[default: laptop, or the only one there is]")


@click.command()
@click.argument("study")
@study_profile
@click.option("--once", is_flag=True, help="As it is now, and no more.")
@results_option
@json_option
@friendly
def watch(study: str, profile: str | None, once: bool, results: Path, as_json: bool) -> None:
    """Trials of a study as they run, whoever runs them, until it is over or Ctrl-C."""
    from harness.door.lookout import Lookout
    from harness.door.printing import wide_console
    from harness.door.watching import say_snapshot, watch_study
    from harness.files import place
    from harness.studies import chosen_profile, study_name

    where, name = place(results), study_name(study)
    lookout = Lookout(where, name, chosen_profile(where, name, profile))
    if as_json:
        say_json(lookout.look().as_json())
    elif once:
        say_snapshot(lookout.look(), wide_console())
    else:
        with suppress(KeyboardInterrupt):
            watch_study(lookout, wide_console())


@click.command()
@click.argument("trial")
@click.option("--follow", is_flag=True, help="Go on as it grows, until the trial has ended.")
@click.option("--study", help="TRIAL may be an arm of it, or 'ARM, seed K'.")
@study_profile
@results_option
@friendly
def log(trial: str, follow: bool, study: str | None, profile: str | None, results: Path) -> None:
    """The log of a trial (its id, or how it begins), and why it failed where it did."""
    from harness.door.logs import followed, said, trial_of
    from harness.files import place
    from harness.studies import chosen_profile, read_study, study_name

    where, of = place(results), None
    if study is not None:
        name = study_name(study)
        of = read_study(where, name, chosen_profile(where, name, profile))
    trial_id = trial_of(trial, where, of)
    with suppress(KeyboardInterrupt):
        for text in followed(where, trial_id) if follow else said(where, trial_id):
            click.echo(text, nl=False)
