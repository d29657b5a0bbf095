"""The log of a job: one line an event, in which nothing that comes from outside passes for another.

Whatever is logged, by a job or a library, may hold what a record, a page or a server's answer
says. So the line is made safe where it is formatted, and secrets in it are masked there.
"""

import logging
import os
import sys
import time
from types import TracebackType
from typing import Any

from jobs.errors import BadInputError
from jobs.words import one_line, shown

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LOG_DATES = "%Y-%m-%dT%H:%M:%SZ"
OUR_LOGS = "jobs"
"""The logger of what all jobs share; each has one of its own, by its name."""
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
MAX_TRACE_LINES = 200


def set_up_logging() -> None:
    """One line an event, in UTC, on standard error; of libraries only what went wrong.

    Warnings are events, and so is a bug: its traceback follows in lines that begin with ``  |``.
    """
    logging.Formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(EventFormatter(LOG_FORMAT, LOG_DATES))
    logging.basicConfig(handlers=[handler])
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_bug


class EventFormatter(logging.Formatter):
    """Formats so that nothing in a message, its arguments or an error can pass for another line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the library's name
        return one_line(super().formatMessage(record).rstrip())

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return _quoted(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return _quoted(super().formatStack(stack_info))


def _quoted(trace: str) -> str:
    return "\n".join(f"  | {one_line(line)}" for line in trace.splitlines()[-MAX_TRACE_LINES:])


def _log_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, Exception):
        logging.getLogger().critical("ended by a bug", exc_info=(kind, error, trace))
    else:
        sys.__excepthook__(kind, error, trace)


def log_level() -> str:
    """The level that ``PERENNIAL_LOG_LEVEL`` names. Raises BadInputError for any other word."""
    given = os.environ.get("PERENNIAL_LOG_LEVEL") or "INFO"
    if given.upper() not in LOG_LEVELS:
        raise BadInputError(
            f"PERENNIAL_LOG_LEVEL {shown(given)} is wrong: expected {', '.join(LOG_LEVELS)}"
        )
    return given.upper()


def quote_libraries() -> None:
    """Libraries that brought handlers of their own, as transformers does, format as we do."""
    loggers = list(logging.root.manager.loggerDict.values())
    for logger in (one for one in loggers if isinstance(one, logging.Logger)):
        for handler in logger.handlers:
            if getattr(handler, "stream", None) in (sys.stderr, sys.stdout):
                handler.setFormatter(EventFormatter(LOG_FORMAT, LOG_DATES))
                logger.propagate = False  # else some say it twice, as transformers where CI is set
