"""Arguments that several commands have, and what a command says."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.words import one_line

FleetFile = Annotated[
    Path, typer.Argument(metavar="FLEET", help="The fleet file, e.g. fleets/news.yaml.")
]
Period = Annotated[str, typer.Option(metavar="2026-10", help="The month to refresh.")]
Store = Annotated[
    str,
    typer.Option(metavar="URI", help="The store: s3://bucket/prefix, gs://…, az://…, or a folder."),
]
RunName = Annotated[
    str | None,
    typer.Option("--run", metavar="NAME", help="Name of the run; default: <fleet>-<period>."),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter", "-p", metavar="NAME=VALUE", help="Sets a parameter of the workflow."
    ),
]
Work = Annotated[
    Path,
    typer.Option(
        metavar="FOLDER",
        help="Folder for logs, scratch and records; below it, one folder a run and store.",
    ),
]
WORK = Path(".perennial")


def this_command() -> str:
    """The command that runs now, as it can be given to a shell again."""
    program = [sys.argv[0]]
    if Path(sys.argv[0]).name == "__main__.py":
        program = [sys.executable, "-m", "pipelines"]
    elif shutil.which(Path(sys.argv[0]).name) == sys.argv[0]:
        program = [Path(sys.argv[0]).name]
    return shlex.join([*program, *sys.argv[1:]])


def say(text: str, *, err: bool = False) -> None:
    """One line, whatever the names, values and errors in it hold."""
    typer.echo(one_line(text), err=err)
