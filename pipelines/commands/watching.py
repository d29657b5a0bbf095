"""``perennial status`` and ``logs``: how runs of this machine stand, and what their steps say."""

import signal
import sys
from typing import Annotated, NoReturn

import typer

from jobs.errors import EXIT_INTERRUPTED
from pipelines.commands.arguments import WORK, Work
from pipelines.output import PatientOutput


def status(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="Its name; default: the latest.")
    ] = None,
    work: Work = WORK,
) -> None:
    """Show how a run of this machine stands: each step's state, attempts, time and progress."""
    from pipelines.local.finding import find_run
    from pipelines.local.status import show_status
    from pipelines.terminal import plain_console

    show_status(find_run(work, run), plain_console())


def logs(
    step: Annotated[
        str,
        typer.Argument(metavar="STEP", help="Its name, as status has it, or the end of it: train."),
    ],
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", "-f", metavar="", help="Go on as it grows, until the step has ended."
        ),
    ] = False,
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="NAME", help="Name of the run; default: the latest."),
    ] = None,
    work: Work = WORK,
) -> None:
    """Print the log of a step of a run of this machine, of its latest attempt.

    Ctrl-C ends this command, not the run.
    """
    from pipelines.local.finding import find_run
    from pipelines.local.following import read_log

    signal.signal(signal.SIGINT, _interrupted)
    for lines in read_log(find_run(work, run), step, follow=follow):
        sys.stdout.write(lines)
        if isinstance(sys.stdout, PatientOutput) and not sys.stdout.drain():
            return


def _interrupted(*_: object) -> NoReturn:
    raise typer.Exit(EXIT_INTERRUPTED)
