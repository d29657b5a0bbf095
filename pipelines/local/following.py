"""`perennial logs`: the log of a step, whole, then as it grows. Every line is made safe to show."""

import time
from collections.abc import Iterator
from typing import IO

from jobs.errors import BadInputError
from jobs.words import one_line
from pipelines.local.finding import Found, find_step, read_record
from pipelines.local.folder import RunFolder
from pipelines.local.record import GOING_ON, StepRecord
from pipelines.local.regular import open_regular

LOOK_EVERY_SECONDS = 0.3
MAX_PIECE_BYTES = 2**16
"""What is read at a time; a longer line comes as several."""


def read_log(found: Found, name: str, *, follow: bool) -> Iterator[str]:
    """Lines of the log of the step's latest attempt, some at a time.

    With `follow`, as it grows, and those of the attempts to come, until the step or the run has
    ended.
    Raises BadInputError where there is no such step, or no log of it.
    """
    name, attempt = find_step(found.record.steps, name).name, 0
    while True:
        step = _now(found, name)
        if step.attempts > attempt:
            attempt = step.attempts
            yield from _read_attempt(found, step, follow=follow)
        elif follow and step.status in ("waiting", *GOING_ON) and found.is_running():
            time.sleep(LOOK_EVERY_SECONDS)
        elif not attempt:
            raise BadInputError(f"step {name} of run {found.record.run} has not begun")
        else:
            return


def _read_attempt(found: Found, begun: StepRecord, *, follow: bool) -> Iterator[str]:
    with _open(found.folder, begun) as file:
        rest = b""
        while True:
            now = _now(found, begun.name)  # before the log is read: what is said later comes, too
            goes_on = follow and (now.status, now.attempts) == ("running", begun.attempts)
            goes_on = goes_on and found.is_running()
            while data := file.read(MAX_PIECE_BYTES):
                *lines, rest = (rest + data).split(b"\n")
                if len(rest) > MAX_PIECE_BYTES:
                    lines, rest = [*lines, rest], b""
                yield _safe(lines)
            if not goes_on:
                yield _safe([rest] if rest else [])
                return
            time.sleep(LOOK_EVERY_SECONDS)


def _now(found: Found, name: str) -> StepRecord:
    return find_step(read_record(found.folder).steps, name)


def _safe(lines: list[bytes]) -> str:
    return "".join(f"{one_line(line.decode(errors='replace'))}\n" for line in lines)


def _open(folder: RunFolder, step: StepRecord) -> IO[bytes]:
    log = folder.log(step.name, step.attempts)
    try:
        return open_regular(log)
    except OSError as error:
        raise BadInputError(f"{log} cannot be read: {error.strerror}") from error
