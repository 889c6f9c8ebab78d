"""What commands share: options, exit codes, and how errors are shown."""

import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.errors import HarnessError, SpecError

if TYPE_CHECKING:
    from harness.door.describe import Lens

DONE, NOT_HELD, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130

Command = TypeVar("Command", bound=Callable[..., Any])


class _Place(click.Path):
    """A folder, or a store such as `s3://bucket/results`, as `harness.files.place` opens it."""

    name = "folder"

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> Any:
        if isinstance(value, str) and "://" not in value:
            return Path(str(super().convert(value, param, context)))
        from harness.files import place

        try:
            return place(value) if isinstance(value, str) else value
        except SpecError as error:
            self.fail(str(error), param, context)


results_option = click.option(
    "--results",
    default="results",
    show_default=True,
    type=_Place(file_okay=False),
    help="Folder of the ledger, or a store: s3://..., gs://...",
)
trial_option = click.option(
    "--trial", "work", metavar="PACKAGE:FUNCTION", help="Train with a function of your own."
)
reports_option = click.option(
    "--reports",
    default="reports",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Folder of the reports.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document on standard output."
)
profile_option = click.option("--profile", help="Profile of the study. [default: laptop]")
set_option = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="PATH=VALUE",
    help="Lay a value over file and profile; the value is YAML.",
)
seeds_option = click.option("--seeds", type=click.IntRange(min=1), help="How many seeds.")
plugin_option = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="MODULE",
    help="Import a module that registers ops, heads or datasets.",
)


DEVICES = ("auto", "cpu", "cuda")


def _known_device(context: click.Context, _: click.Parameter, device: str) -> str:
    if device not in DEVICES:
        raise click.UsageError(f"--device {device}: should be auto, cpu or cuda", context)
    return device


device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    callback=_known_device,
    help="auto, cpu or cuda.",
)
threads_option = click.option(
    "--threads",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="Threads of one trial.",
)


def say_json(document: Any) -> None:
    """The one document on standard output."""
    import json

    click.echo(json.dumps(document, indent=1))


MOST = 65_536
"""Channels and pixels beyond this are a slip of the hand."""


def read_channels(text: str) -> dict[int, int]:
    """`p3=40,p4=112` as channels by level."""
    found: dict[int, int] = {}
    for part in text.split(","):
        level, equals, number = (word.strip() for word in part.partition("="))
        fits = level[:1] == "p" and level[1:].isdecimal() and number.isdecimal()
        if not equals or not fits or not 1 <= int(number) <= MOST:
            raise SpecError(f"--channels {text}: should be like p3=40,p4=112,p5=320")
        if int(level[1:]) in found:
            raise SpecError(f"--channels {text}: {level} is there twice")
        found[int(level[1:])] = int(number)
    return found


def read_levels(text: str) -> tuple[int, int]:
    """`p3..p7` as its finest and coarsest level."""
    found = re.fullmatch(r"p(\d{1,2})\.\.p(\d{1,2})", text.strip(), re.ASCII)
    if found is None or not 0 <= int(found[1]) <= int(found[2]) <= 12:
        raise SpecError(f"--levels {text}: should be like p3..p7")
    return int(found[1]), int(found[2])


def network_options(command: Command) -> Command:
    """What a topology is looked at with: the same options wherever one is shown."""
    for option in reversed(
        (
            click.option("--image-size", type=click.IntRange(32, MOST), help="[default: 512]"),
            click.option("--width", type=click.IntRange(1, MOST), help="[default: 64]"),
            click.option(
                "--repeats", type=click.IntRange(1, 256), help="[default: the topology's own]"
            ),
            click.option("--levels", metavar="p3..p7", help="[default: the topology's own]"),
            click.option(
                "--channels", metavar="p3=40,p4=112,p5=320", help="Channels of the inputs."
            ),
            click.option(
                "--backbone", help="Channels and reach of this one. [default: tf_efficientnet_b0]"
            ),
        )
    ):
        command = option(command)
    return command


def read_lens(
    image_size: int | None,
    width: int | None,
    repeats: int | None,
    levels: str | None,
    channels: str | None,
    backbone: str | None,
) -> "Lens":
    """What `network_options` say."""
    from harness.door.describe import Lens

    span = read_levels(levels) if levels is not None else None
    known = read_channels(channels) if channels is not None else None
    return Lens(image_size, width, repeats, span, known, backbone)


def friendly(command: Command) -> Command:
    """Errors of ours become a message and an exit code; others do too, without --debug."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        context = click.get_current_context()
        if context.find_root().obj["debug"]:
            command(*args, **kwargs)
            return
        try:
            command(*args, **kwargs)
        except SpecError as error:
            click.echo(str(error), err=True)
            context.exit(WRONG_INPUT)
        except HarnessError as error:
            click.echo(f"{error}", err=True)
            context.exit(NOT_HELD)
        except KeyboardInterrupt:
            click.echo("interrupted; everything finished is kept", err=True)
            context.exit(INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.filename is not None:
                click.echo(f"{error.filename}  {error.strerror}", err=True)
                context.exit(WRONG_INPUT)
            click.echo(f"harness failed: {type(error).__name__}: {error}", err=True)
            click.echo("this is our mistake; `harness --debug ...` shows where", err=True)
            context.exit(NOT_HELD)

    return guarded  # type: ignore[return-value]
