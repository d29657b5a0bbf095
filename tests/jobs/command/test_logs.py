"""A job's log: one line an event, whatever is in it."""

import io
import logging
import os
import re
import subprocess
import sys

import pytest

from jobs.command.logs import LOG_DATES, LOG_FORMAT, EventFormatter
from tests.support.hostile import ESCAPE, FORGED, HOSTILE, READABLE, unseen

EVENT = re.compile(r"[0-9-]{10}T[0-9:]{8}Z (ERROR|INFO|CRITICAL) evil: ")
FAILING = f"""
import warnings
from jobs.command.running import run_command
from jobs.promote.settings import PromoteSettings

def body(settings):
    warnings.warn({FORGED!r})
    raise {{error}}

run_command(PromoteSettings, body)
"""


def fail(text: str) -> None:
    raise ValueError(text) from KeyError(text)


@pytest.fixture
def log() -> tuple[logging.Logger, io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(EventFormatter(LOG_FORMAT, LOG_DATES))
    logger = logging.Logger("evil")
    logger.addHandler(handler)
    return logger, stream


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_an_event_is_one_line(log: tuple[logging.Logger, io.StringIO], text: str) -> None:
    logger, stream = log
    logger.info("%s key=%r %s", text, text, READABLE)
    written = stream.getvalue()
    assert EVENT.match(written)
    assert unseen(written) == []
    assert written.count("\n") == 1
    assert written.endswith(f"{READABLE}\n")
    assert "hunter2" not in written


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_traceback_cannot_pass_for_events(
    log: tuple[logging.Logger, io.StringIO], text: str
) -> None:
    logger, stream = log
    try:
        fail(text)
    except ValueError:
        logger.exception("failed")
    first, *rest = stream.getvalue().splitlines()
    assert EVENT.match(first)
    assert all(line.startswith("  | ") for line in rest)
    assert unseen("".join(rest)) == []
    assert "hunter2" not in stream.getvalue()


def run(code: str, **environment: str) -> tuple[int, list[str]]:
    """Exit code and the lines of standard error."""
    flags = ["--candidate=/c", "--report=/r", "--releases=/x"]
    ended = subprocess.run(
        [sys.executable, "-c", code, *flags],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stderr.split("\n")[:-1]


def test_a_jobs_errors_warnings_and_bugs() -> None:
    url = "http://me:hunter2@proxy:3128/?X-Amz-Signature=c0ffee"
    bad = FAILING.format(error=f"__import__('jobs.errors').errors.BadInputError({url + FORGED!r})")
    code, lines = run(bad)
    assert (code, len(lines)) == (64, 2)
    assert " WARNING py.warnings: " in lines[0]
    assert lines[1].endswith("ERROR promote: http://***@proxy:3128/?*** 2026-11-25T06:40:35Z INFO "
                             "promote: released model=evil number=1")  # fmt: skip
    code, lines = run(FAILING.format(error=f"RuntimeError({url + ESCAPE + FORGED!r})"))
    assert code == 1
    assert lines[1].endswith(" CRITICAL root: ended by a bug")
    assert all(line.startswith("  | ") for line in lines[2:])
    assert lines[-2] == r"  | RuntimeError: http://***@proxy:3128/?***"
    assert unseen("".join(lines)) == []


@pytest.mark.parametrize("level", ["debgu", "10", "NOTSET", " INFO", "WARN\nx", "\x1b[2J"])
def test_an_unknown_level_names_the_levels(level: str) -> None:
    code, lines = run(FAILING.format(error="SystemExit(0)"), PERENNIAL_LOG_LEVEL=level)
    assert code == 64
    assert len(lines) == 1
    said = "is wrong: expected DEBUG, INFO, WARNING, ERROR, CRITICAL"
    assert lines[0].endswith(f"ERROR promote: PERENNIAL_LOG_LEVEL {level!a} {said}")


@pytest.mark.parametrize("level", ["debug", "ERROR", ""])
def test_levels(level: str) -> None:
    assert run(FAILING.format(error="SystemExit(7)"), PERENNIAL_LOG_LEVEL=level)[0] == 7


def test_a_library_with_a_handler_of_its_own_is_no_exception() -> None:
    code = f"""
from jobs.command.importing import importing
from jobs.command.logs import set_up_logging
set_up_logging()
with importing():
    from transformers.utils import logging
logging.get_logger("transformers.models").warning("%s", {FORGED!r})
"""
    ended, lines = run(code)
    assert ended == 0
    assert len(lines) == 1
    assert " WARNING transformers.models: x\\n2026-11-25T06:40:35Z INFO promote: " in lines[0]
