"""Signals on their way to what the demo runs; each case is a program of its own."""

import os
import signal
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

PROGRAM = """
import signal, subprocess, sys
from demo.children import Children
from jobs.errors import StoppedError
children = Children()
def child(shell, **given):
    return children.run(["/bin/sh", "-c", shell], **given)
try:
    with children.listening():
        {body}
except StoppedError as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
"""
HUNG_UP = "signal.raise_signal(signal.SIGHUP); sys.exit(child('exit 7'))"
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"}


def started(body: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("{body}", body)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


@pytest.mark.parametrize(
    ("shell", "code"), [("exit 0", 0), ("exit 64", 64), ("kill -9 $$", 137), ("kill -15 $$", 143)]
)
def test_the_exit_code_is_the_childs(shell: str, code: int) -> None:
    process = started(f"sys.exit(child({shell!r}))")
    assert process.wait(30) == code
    assert process.stdout
    process.stdout.close()


@pytest.mark.parametrize(
    ("given", "said"), [("", ["first"]), (", again=signal.SIGINT", ["first", "second"])]
)
def test_a_second_signal_kills_a_job_and_is_told_to_a_run(given: str, said: list[str]) -> None:
    """The first is passed on as it is."""
    stubborn = "trap 'echo first' TERM; trap 'echo second; exit 5' INT; echo begun"
    process = started(f"child({f'{stubborn}; while :; do sleep 0.05; done'!r}{given})")
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "first\n"
    process.send_signal(signal.SIGHUP)
    output, _ = process.communicate(timeout=30)
    assert ["first", *output.splitlines()] == [
        *said,
        "stopped by SIGTERM; the same command continues",
    ]
    assert process.returncode == 143


def test_a_stop_between_two_children_begins_no_other() -> None:
    body = "signal.raise_signal(signal.SIGTERM); child('echo never')"
    output, _ = started(body).communicate(timeout=30)
    assert output == "stopped by SIGTERM; the same command continues\n"


def test_what_nohup_ignores_stays_ignored() -> None:
    command = [sys.executable, "-c", PROGRAM.replace("{body}", HUNG_UP)]
    process = subprocess.Popen(
        ["nohup", *command],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.wait(30) == 7
