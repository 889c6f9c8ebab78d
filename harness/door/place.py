"""Where trials run, as options of commands: nothing here changes a result."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from harness.door.options import device_option, threads_option

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--engine", default="ray", show_default=True, help="ray or inline."),
    click.option(
        "--address", metavar="HOST:PORT", help="A Ray cluster that is there. [default: our own]"
    ),
    device_option,
    threads_option,
    click.option(
        "--cpus", type=click.FloatRange(min=0, min_open=True), help="Cores counted for a trial."
    ),
    click.option(
        "--gpus",
        type=click.FloatRange(min=0, min_open=True),
        help="GPUs counted for a trial: 0.25 puts four on one.",
    ),
    click.option(
        "--memory-gb",
        type=click.FloatRange(min=0, min_open=True),
        help="Most GPU memory of a trial.",
    ),
    click.option(
        "--devices",
        default=1,
        show_default=True,
        type=click.IntRange(min=1),
        help="Devices of one trial (DistributedDataParallel).",
    ),
    click.option(
        "--keep",
        default="last",
        show_default=True,
        type=click.Choice(["last", "best", "none"]),
        help="Checkpoint of a finished trial that stays.",
    ),
    click.option(
        "--timeout",
        "timeout_s",
        metavar="SECONDS",
        type=click.FloatRange(min=0, min_open=True),
        help="Longest that a trial may take.",
    ),
    click.option(
        "--tensorboard", is_flag=True, help="Curves for TensorBoard in RESULTS/tensorboard."
    ),
)


def place_options(command: Command) -> Command:
    """Adds the options that `Workplace` is made of, but for its folder."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
