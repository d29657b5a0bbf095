"""``perennial suite``: what a suite is called in the store."""

from typing import Annotated

import typer

from jobs.suites import load_suite
from pipelines.commands.arguments import say


def suite(
    given: Annotated[
        str,
        typer.Argument(
            metavar="SUITE", help="A file of your own (./my-suite.yaml), paper or demo."
        ),
    ],
) -> None:
    """Check a suite's file and print its name, by which the store has it at eval-data/NAME."""
    found = load_suite(given)
    found.definition()  # a refresh passes it on, where it is not too long
    say(found.name)
