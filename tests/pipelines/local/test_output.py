"""Standard output that is closed, full, slow or never read, and Ctrl-C: real processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipelines.local.conftest import Small, Task

COMMAND = """
import time
from pathlib import Path
import typer
from pipelines import cli
from pipelines.local.folder import RunFolder
from pipelines.local.run import run_workflow
from pipelines.local.reading import read_workflow

@cli.app.command()
def trial(workflow: Path, work: Path) -> None:
    ran = run_workflow(read_workflow(workflow), {}, RunFolder(work), 2)
    raise typer.Exit(ran.exit_code)

@cli.app.command()
def words() -> None:
    typer.echo("déjà vu …")

@cli.app.command()
def swallow() -> None:
    Path("ready").touch()
    while True:
        try: time.sleep(60)
        except BaseException: pass

cli.main()
"""
SAVE = """
import pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
def save(*_):
    (folder / "saved").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
(folder / "ready").touch()
time.sleep(60)
"""
NO_SPACE = b"perennial: cannot write to standard output: No space left on device\n"


def unread() -> int:
    """A pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def stuck() -> int:
    """A pipe that is full and that nobody reads; its reader stays open with this process."""
    _, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writer, True)
    return writer


def full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


HEED_SIGHUP = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
"""Also where the tests themselves run under nohup."""


def start(output: int, *arguments: str | Path, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", HEED_SIGHUP + COMMAND, *map(str, arguments)]
    try:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, cwd=folder)
    finally:
        os.close(output)


@pytest.mark.parametrize("output", [unread, stuck, full])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_run_is_stopped_in_order_whatever_its_output_is(
    small: Small, task: Task, output: Callable[[], int], number: int, code: int
) -> None:
    save = {"name": "save", "container": {"command": ["python", "-c", SAVE, str(small.folder)]}}
    workflow = small.write([task("save", template="save")], save)
    engine = start(output(), "trial", workflow, small.folder / "work", folder=small.folder)
    while not (small.folder / "ready").exists():
        assert engine.poll() is None
        time.sleep(0.05)
    engine.send_signal(number)
    _, said = engine.communicate(timeout=20)
    assert engine.returncode == code, said
    assert (small.folder / "saved").exists()


@pytest.mark.parametrize(("output", "code", "said"), [(unread, 0, b""), (full, 64, NO_SPACE)])
def test_a_reader_that_has_left_is_no_error_and_a_full_disk_is(
    small: Small, task: Task, output: Callable[[], int], code: int, said: bytes
) -> None:
    workflow = small.write([task("one", "hello")])
    engine = start(output(), "trial", workflow, small.folder / "work", folder=small.folder)
    assert engine.communicate(timeout=20)[1] == said
    assert (engine.returncode, small.said()) == (code, ["hello"])


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("ascii", rb"d\xe9j\xe0 vu \u2026"), ("latin-1", b"d\xe9j\xe0 vu \\u2026")],
)  # fmt: skip
def test_what_an_encoding_does_not_have_is_escaped(encoding: str, shown: bytes) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", COMMAND, "words"], capture_output=True, check=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert (ended.stdout, ended.stderr) == (shown + b"\n", b"")


def test_ctrl_c_ends_a_command_whose_library_swallows_it(tmp_path: Path) -> None:
    waiting = start(os.open(os.devnull, os.O_WRONLY), "swallow", folder=tmp_path)
    while not (tmp_path / "ready").exists():
        assert waiting.poll() is None
        time.sleep(0.05)
    waiting.send_signal(signal.SIGINT)
    waiting.communicate(timeout=10)
    assert waiting.returncode == -signal.SIGINT


def test_a_folder_that_takes_no_logs_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    workflow = Small(tmp_path).write([])
    engine = start(os.dup(2), "trial", workflow, tmp_path / "file/work", folder=tmp_path)
    _, said = engine.communicate(timeout=20)
    assert engine.returncode == 64
    assert said.decode() == (
        f"perennial: no logs can be written below {tmp_path}/file/work: Not a directory; choose "
        "another --work\n"
    )
