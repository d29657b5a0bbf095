"""What a step's log says at its end."""

import os
import re
from pathlib import Path

from pipelines.local.regular import open_regular

TAIL_LINES = 15
TAIL_BYTES = 64 * 1024
ERROR = re.compile(r"\d{4}-\d\d-\d\dT[\d:]{8}Z (?:ERROR|CRITICAL) (\S+: .*)")
"""An event of a job's log (`jobs.command.logs`) that tells why it ended."""
QUOTED = "  | "
"""Begins the lines of a traceback there."""


def tail(log: Path) -> list[str]:
    """The last lines of a log; none where there is no such file."""
    try:
        with open_regular(log) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            return file.read(TAIL_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return []


def last_error(lines: list[str]) -> str:
    """The job's own last error; of a bug with the error that is at its end. "" where it told none.

    >>> last_error(["2026-11-25T06:40:35Z ERROR pack: no rows", "Terminated"])
    'pack: no rows'
    """
    for number in range(len(lines) - 1, -1, -1):
        if match := ERROR.fullmatch(lines[number]):
            trace = [line for line in lines[number + 1 :] if line.startswith(QUOTED)]
            return f"{match[1]}: {trace[-1].removeprefix(QUOTED)}" if trace else match[1]
    return ""


def why(outcome_message: str, lines: list[str]) -> str:
    """Why an attempt failed: the job's own error, else its last line, else how it ended."""
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return last_error(lines) or (f"{said} ({outcome_message})" if said else outcome_message)
