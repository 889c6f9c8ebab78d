"""The verb that compares: studies, arms and trials, or result files of any trainer.

It imports its floors when it runs, so that `--help` is instant.
"""

from pathlib import Path
from typing import Any

import click

from harness.door.options import NOT_HELD, friendly, json_option, results_option, say_json


@click.command()
@click.argument("sides", nargs=-1, metavar="A B... | A1.json [A2.json]... : B1.json...")
@click.option(
    "--gt",
    "truth",
    type=click.Path(path_type=Path),
    metavar="VAL.json",
    help="COCO ground truth: then A, B are result files, one a seed, with ':' between arms.",
)
@click.option("--names", metavar="A,B", help="Names of the arms. [default: of the files]")
@click.option(
    "--test",
    default="permutation",
    show_default=True,
    type=click.Choice(["permutation", "paired_t"]),
    help="Test over seeds; paired_t: file or seed k of one arm with k of the other.",
)
@click.option(
    "--draws",
    default=1000,
    show_default=True,
    type=click.IntRange(100, 100_000),
    help="Draws of the test images.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Of these.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also a page and tables (CSV) in this folder.",
)
@click.option("--wide", is_flag=True, help="All figures and classes, in tables of 160 columns.")
@results_option
@json_option
@friendly
def compare(
    sides: tuple[str, ...],
    truth: Path | None,
    names: str | None,
    test: Any,
    draws: int,
    seed: int,
    out: Path | None,
    wide: bool,
    results: Path,
    as_json: bool,
) -> None:
    """Whether B is better than A, and how sure that is: the first is the baseline.

    Differences are B minus A (`harness.contrast(A, B)` in Python is A minus B). A and B are
    studies (STUDY or STUDY/PROFILE), arms (STUDY:ARM), trials, or families of networks at equal
    cost (STUDY:VALUE, such as bifpn_width:1.4).
    """
    from harness.door.comparing import comparison_console, comparison_document, say_comparison
    from harness.door.printing import say_written
    from harness.errors import SpecError

    if truth is not None:
        from harness.comparing.foreign import compare_files

        found = compare_files(
            sides, truth, names=names, test=test, draws=draws, seed=seed,
            say=lambda line: click.echo(line, err=True),
        )  # fmt: skip
    elif ":" in sides or any(side.endswith(".json") for side in sides):
        raise SpecError("result files need a ground truth: --gt val.json")
    elif len(sides) < 2:
        raise SpecError("name two to compare: studies, arms (STUDY:ARM) or trials")
    else:
        from harness.comparing.recorded import compare_recorded
        from harness.door.making import telling_of_draws
        from harness.files import place

        with telling_of_draws(lambda line: click.echo(line, err=True)):
            found = compare_recorded(
                sides, place(results), names=names, test=test, draws=draws, seed=seed
            )
    if as_json:
        say_json(comparison_document(found))
    else:
        say_comparison(found, comparison_console(wide), wide)
    if out is not None:
        from harness.report.comparison import write_comparison

        written = write_comparison(found, out)
        if not as_json:
            say_written(written)
    if found.refused and not found.order:
        click.get_current_context().exit(NOT_HELD)
