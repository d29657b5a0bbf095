"""Which jobs there are, and what is said where one of another name is asked for.

``python -m jobs.crwal`` would end with Python's own words and 1; so the package looks first. That
is before signals are listened to (`jobs.command.early`): what it imports, Python has loaded.
"""

import os
import sys

FOLDER = os.path.dirname(__file__)  # noqa: PTH120  `pathlib` would be imported


def job_names() -> list[str]:
    """The names of all jobs, sorted."""
    return sorted(name for name in os.listdir(FOLDER) if _is_file(f"{name}/__main__"))  # noqa: PTH208


def refuse_unknown(command: list[str]) -> None:
    """Ends the process where `command`, as Python was started, runs no module of this package."""
    module = command[command.index("-m") + 1] if "-m" in command[:-1] else ""
    _, _, name = module.partition("jobs.")
    path = name.replace(".", "/")
    if module.startswith("jobs.") and not (
        os.path.isdir(f"{FOLDER}/{path}") or _is_file(path)  # noqa: PTH112
    ):
        refuse(name)


def refuse(name: str) -> None:
    """Ends with 64 and the nearest name."""
    from jobs.errors import EXIT_BAD_INPUT
    from jobs.words import nearest, shown

    sys.stderr.write(f"there is no job {shown(name)}; {nearest(name, job_names())}\n")
    sys.exit(EXIT_BAD_INPUT)


def _is_file(module: str) -> bool:
    return os.path.isfile(f"{FOLDER}/{module}.py")  # noqa: PTH113
