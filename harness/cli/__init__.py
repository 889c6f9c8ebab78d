"""`harness`: the verbs, in rooms of what they work on."""

import click

from harness.cli import comparing, health, ledger, networks, studies, watching, weights


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="feature-network-harness")
@click.pass_context
def main(context: click.Context, debug: bool) -> None:
    """Search and ablate multi-scale feature networks (FPN, PANet, NAS-FPN, BiFPN, ...)."""
    context.obj = {"debug": debug}


for room in (studies, watching, comparing, networks, weights, ledger, health):
    for verb in vars(room).values():
        if isinstance(verb, click.Command):
            main.add_command(verb)
