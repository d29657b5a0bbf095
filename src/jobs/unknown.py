"""Which jobs there are, and what is said where one of another name is asked for.

``python -m jobs.crwal`` would end with Python's own words and 1; so the package looks first.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from jobs.errors import EXIT_BAD_INPUT
from jobs.words import nearest, shown

FOLDER = Path(__file__).parent


def job_names() -> list[str]:
    """The names of all jobs, sorted."""
    return sorted(path.parent.name for path in FOLDER.glob("*/__main__.py"))


def refuse_unknown(command: Sequence[str]) -> None:
    """Ends the process where `command`, as Python was started, runs no module of this package."""
    module = command[command.index("-m") + 1] if "-m" in command[:-1] else ""
    _, _, name = module.partition("jobs.")
    path = FOLDER.joinpath(*name.split("."))
    if module.startswith("jobs.") and not (path.is_dir() or path.with_suffix(".py").is_file()):
        refuse(name)


def refuse(name: str) -> NoReturn:
    """Ends with 64 and the nearest name."""
    sys.stderr.write(f"there is no job {shown(name)}; {nearest(name, job_names())}\n")
    sys.exit(EXIT_BAD_INPUT)
