"""What commands share: options, exit codes, and how errors are shown."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from harness.errors import HarnessError, SpecError

DONE, NOT_HELD, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130

Command = TypeVar("Command", bound=Callable[..., Any])

results_option = click.option(
    "--results",
    default="results",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Folder of the ledger.",
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
