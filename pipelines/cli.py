"""``perennial``: the command, and how it ends."""

import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

from jobs.command.streams import open_standard_streams
from jobs.errors import EXIT_BAD_INPUT, BadInputError, PerennialError
from pipelines.commands import refreshing, reproducing, stored, suites, verifying, watching
from pipelines.commands.arguments import say
from pipelines.commands.calling import CheckedGroup
from pipelines.commands.helping import register
from pipelines.commands.version import print_version
from pipelines.output import ended_by_ctrl_c, patient_output

EXIT_SIGNAL = 128
"""An exit code above it says that a signal came."""
LAST_SECONDS = 2.0
"""What one that was told to stop waits for its last words to be read."""

app = typer.Typer(
    name="perennial",
    cls=CheckedGroup,
    invoke_without_command=True,
    subcommand_metavar="COMMAND …",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  its callback answers
        bool,
        typer.Option(
            "--version", is_eager=True, callback=print_version,
            help="Print version, commit, Python and platform.",
        ),
    ] = False,
) -> None:  # fmt: skip
    """Keeps fleets of instruction-tuned language models current with the news."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(EXIT_BAD_INPUT)


for command in (
    refreshing.plan,
    refreshing.run,
    watching.status,
    watching.logs,
    refreshing.parameters,
    suites.suite,
    stored.releases,
    stored.export,
    verifying.verify,
    reproducing.reproduce,
):
    register(app, command)


def render(
    check: Annotated[
        bool,
        typer.Option("--check", metavar="", help="Write nothing; fail if a file is out of date."),
    ] = False,
) -> None:
    """Write the workflows of the chart, and the JSON Schema and page of the fleet file."""
    from pipelines.workflows import render as rendering

    changed = rendering.stale() if check else rendering.write()
    for path in changed:
        say(f"{'out of date' if check else 'written'}: {path}")
    if check and changed:
        raise BadInputError("rendered files are out of date; run: perennial render")


register(app, render)


def main() -> NoReturn:
    """The command; bad input ends with one line and 64."""
    open_standard_streams()
    with ended_by_ctrl_c(), patient_output() as output:
        code = _exit_code(lambda: app(prog_name="perennial", standalone_mode=False))
        if output:
            seconds = LAST_SECONDS if code > EXIT_SIGNAL else None
            unwritten = _exit_code(lambda: output.finish(seconds))
            code = code or unwritten
    sys.exit(code)


def _exit_code(command: Callable[[], int | None]) -> int:
    """That of a command; what is wrong is said, a line each."""
    try:
        return command() or 0
    except PerennialError as error:
        for line in error.lines:
            say(f"perennial: {line}", err=True)
        return error.exit_code
