"""The errors a job ends with, and the exit code that each stands for.

    PerennialError
    ├── BadInputError    64   the input or a setting is wrong; the same command fails again
    └── TransientError   75   the world failed for a while; the same command may succeed
    StoppedError        143   SIGTERM came; the same command continues from what is in the store
                        130   so did SIGINT (Ctrl-C), from a person: a cluster sends none

StoppedError is a BaseException, as KeyboardInterrupt is: nobody who catches errors may catch it.
Any other exception is a bug: a traceback and exit code 1. The retry expressions of the
workflows are written against these codes (``pipelines/workflows/placement.py``).
"""

EXIT_DONE = 0
EXIT_BAD_INPUT = 64
EXIT_TRANSIENT = 75
EXIT_INTERRUPTED = 130
EXIT_STOPPED = 143


class PerennialError(Exception):
    """Base of all errors that end a job with one line instead of a traceback."""

    exit_code: int


class BadInputError(PerennialError):
    """A setting, artifact or file is not what the job needs. Say what, where, and the fix."""

    exit_code = EXIT_BAD_INPUT


class TransientError(PerennialError):
    """A store, server or machine failed in a way that may pass; retrying is right."""

    exit_code = EXIT_TRANSIENT


class StoppedError(BaseException):
    """The job was told to stop. What it says that it saved, it has saved."""

    def __init__(self, message: str, exit_code: int = EXIT_STOPPED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
