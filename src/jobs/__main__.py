"""``python -m jobs``: the jobs that there are."""

import importlib
import sys
from typing import NoReturn

from jobs.command.flags import HELP
from jobs.unknown import job_names, refuse

USAGE = """\
usage: python -m jobs.JOB --flag value …

Does one step of a refresh by itself: reads artifacts by URI and writes one.
What a job takes is told by python -m jobs.JOB --help.

jobs:"""


def listing() -> str:
    """The help: each job in a line."""
    lines = [USAGE]
    for name in job_names():
        found = vars(importlib.import_module(f"jobs.{name}.settings")).values()
        doc = next(one.__doc__ for one in found if getattr(one, "job", None) == name)
        lines.append(f"  {name:10}{str(doc).strip().splitlines()[0]}")
    return "\n".join(lines) + "\n"


def main() -> NoReturn:
    """Lists the jobs; an argument that is none of theirs is refused with the nearest."""
    for argument in sys.argv[1:]:
        if argument not in (*HELP, *job_names()):
            refuse(argument)
    sys.stdout.write(listing())
    sys.exit(0)


if __name__ == "__main__":
    main()
