"""The demo's command: its arguments are checked first, and a stop is passed on and waited for."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from demo import __main__ as demo
from jobs.errors import BadInputError
from tests.support.paths import ROOT

MARK = "TEST_OF_THE_DEMO"


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--period=2027-01", "--period '2027-01' is wrong: the sample's news to learn is of"),
        ("--period=2026-08", "the sample's news to learn is of 2026-10; leave it out"),
        ("--period=2026-13", "--period '2026-13' is wrong: the sample's news to learn is of"),
        ("--period=", "--period '' is wrong: the sample's news to learn is of 2026-10"),
        ("--store=", "URI '' is empty; give s3://bucket/prefix"),
        ("--store=ftp://x", "URI 'ftp://x' has the unknown scheme 'ftp'"),
        ("--store=s3://", "names no bucket; write s3://bucket/prefix"),
        ("--store=s3://me:secret@bucket", "holds a user name or password"),
        ("--store=/proc/x", "/proc/x"),
        ("--store=/dev/null", "/dev/null"),
        ("--store={file}", "{file}"),
        ("--store={file}/below", "{file}/below"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_known_at_once(flag: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(BadInputError) as error:
        demo.checked([flag.format(file=file)])
    assert said.format(file=file) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--stor", "x"], "unrecognized arguments: --stor x"),
        (["--period"], "argument --period: expected one argument"),
        (["again"], "unrecognized arguments: again"),
        (["-s", "x"], "unrecognized arguments: -s x"),
    ],
)
def test_a_flag_that_is_none_ends_with_one_line_and_64(
    flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        demo.checked(flags)
    assert ended.value.code == 64
    error = capsys.readouterr().err
    assert error.startswith(f"demo: {said}; see: python -m demo --help")
    assert error.count("\n") == 1


def test_good_arguments_leave_nothing_in_the_store(tmp_path: Path) -> None:
    assert demo.checked([f"--store={tmp_path}", "--period=2026-10"]) == str(tmp_path)
    assert list(tmp_path.iterdir()) == []


def of_the_demo(mark: str) -> list[str]:
    """The programs that run for the demo with this mark, each as its command line."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and mark in (process / "environ").read_text():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def wait_for(happens: Callable[[], object], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.05)


def terminal(process: "subprocess.Popen[str]", number: int) -> None:
    """As a terminal does: to all that it runs."""
    os.killpg(process.pid, number)


def one(process: "subprocess.Popen[str]", number: int) -> None:
    process.send_signal(number)


@pytest.fixture
def make(tmp_path: Path) -> list[str]:
    """``make demo`` with an environment whose Python runs the demo elsewhere."""
    bin_folder = tmp_path / "venv/bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "uv").touch()
    python = bin_folder / "python"
    python.write_text(
        f'#!/bin/sh\nshift 2\nexec {sys.executable} -m tests.demo.elsewhere {tmp_path}/work "$@"\n'
    )
    python.chmod(0o755)
    (tmp_path / "venv/.ready").touch()
    return ["make", "demo", f"VENV={tmp_path}/venv"]


@pytest.mark.parametrize(
    ("by_make", "send", "number", "code"),
    [
        (False, one, signal.SIGINT, 130),
        (False, one, signal.SIGTERM, 143),
        (False, one, signal.SIGHUP, 129),
        (False, terminal, signal.SIGINT, 130),
        (True, terminal, signal.SIGINT, -signal.SIGINT),
        (True, one, signal.SIGTERM, -signal.SIGTERM),
    ],
)
def test_a_stop_ends_all_with_one_line(
    by_make: bool,
    send: Callable[["subprocess.Popen[str]", int], None],
    number: int,
    code: int,
    make: list[str],
    tmp_path: Path,
) -> None:
    """make ends by the signal itself, which a shell tells as 130 and 143, too."""
    mark = uuid.uuid4().hex
    command = [sys.executable, "-m", "tests.demo.elsewhere", str(tmp_path / "work")]
    without_make = {name: os.environ[name] for name in os.environ if not name.startswith("MAKE")}
    process = subprocess.Popen(
        make if by_make else command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**without_make, MARK: mark, "PYTHONPATH": f"{ROOT}/src:{ROOT}"},
    )
    wait_for(lambda: any("jobs.crawl" in line for line in of_the_demo(mark)))
    send(process, number)
    output, error = process.communicate(timeout=60)
    assert process.returncode == code, error
    assert of_the_demo(mark) == []
    said = [line for line in error.splitlines() if not line.startswith("make: ")]
    assert said == [f"demo: stopped by {signal.Signals(number).name}; the same command continues"]
    assert "made first, once: about" in output
