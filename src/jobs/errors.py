"""The errors a job ends with, and the exit code that each stands for.

    PerennialError
    ├── BadInputError    64   the input or a setting is wrong; the same command fails again
    │   └── BadInputsError    several of them, a line each
    └── TransientError   75   the world failed for a while; the same command may succeed
    StoppedError        143   SIGTERM came; the same command continues from what is in the store
                        130   so did SIGINT (Ctrl-C), from a person: a cluster sends none

StoppedError is a BaseException, as KeyboardInterrupt is: nobody who catches errors may catch it.
Any other exception is a bug: a traceback and exit code 1. The retry expressions of the
workflows are written against these codes (``pipelines/workflows/placement.py``).
"""

import errno
from collections.abc import Sequence

EXIT_DONE = 0
EXIT_BAD_INPUT = 64
EXIT_TRANSIENT = 75
EXIT_INTERRUPTED = 130
EXIT_STOPPED = 143

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors of a disk or quota that is full. They end with 64, whichever disk it is and whenever it
fills up: no retry makes room. Once a person did, the same command continues."""
MAKE_ROOM = "make room there, and the same command continues"


class PerennialError(Exception):
    """Base of all errors that end a job with one line instead of a traceback."""

    exit_code: int

    @property
    def lines(self) -> tuple[str, ...]:
        """What is told of it, a line each."""
        return (str(self),)


class BadInputError(PerennialError):
    """A setting, artifact or file is not what the job needs. Say what, where, and the fix."""

    exit_code = EXIT_BAD_INPUT


class BadInputsError(BadInputError):
    """Several things are wrong at once: `lines` has one for each, in order."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self._lines = tuple(lines)

    @property
    def lines(self) -> tuple[str, ...]:
        return self._lines


class TransientError(PerennialError):
    """A store, server or machine failed in a way that may pass; retrying is right."""

    exit_code = EXIT_TRANSIENT


class StoppedError(BaseException):
    """The job was told to stop. What it says that it saved, it has saved."""

    def __init__(self, message: str, exit_code: int = EXIT_STOPPED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
