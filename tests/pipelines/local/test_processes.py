"""Children: signals, kills, and what outlives whom."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from pipelines.local import reaper
from pipelines.local.folder import RunFolder
from tests.pipelines.local.conftest import Small, Task

Start = Callable[[str], subprocess.Popen[bytes]]

ENGINE = """
import sys
from pathlib import Path
from typing import Any
from pipelines.local.folder import RunFolder
from pipelines.local.run import run_workflow
from pipelines.local.reading import read_workflow
workflow = read_workflow(Path(sys.argv[1]))
sys.exit(run_workflow(workflow, {}, RunFolder(Path(sys.argv[2])), 2).exit_code)
"""

# Starts a child in a session of its own, as torchrun does, and one whose parent ends at once.
FAMILY = """
import os, pathlib, signal, subprocess, sys, time
folder = pathlib.Path(sys.argv[1])
child = subprocess.Popen(["sleep", "120"], start_new_session=True)
orphan = subprocess.run(
    ["sh", "-c", "sleep 120 > /dev/null 2>&1 & echo $!"], stdout=subprocess.PIPE, text=True
).stdout.strip()
(folder / "ids").write_text(f"{os.getpid()} {child.pid} {orphan} ")
"""
SAVE = """
def save(*_):
    (folder / "saved").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
(folder / "ready").touch()
time.sleep(120)
"""
DO_NOT_LISTEN = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
(folder / "ready").touch()
time.sleep(120)
"""


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def family(small: Small, then: str) -> dict[str, Any]:
    return {
        "name": "family",
        "inputs": {"parameters": [{"name": "processes"}]},
        "container": {"command": ["python", "-c", FAMILY + then, str(small.folder)]},
    }


@pytest.fixture
def start(small: Small, task: Task) -> Iterator[Start]:
    """Starts an engine, in its own process group, with two steps, one after the other.

    The first has children, and all slots; so the second begins only when the first has ended.
    """
    engines: list[subprocess.Popen[bytes]] = []

    def begin(then: str) -> subprocess.Popen[bytes]:
        all_slots = {"parameters": [{"name": "processes", "value": "2"}]}
        tasks = [{**task("family", template="family"), "arguments": all_slots}, task("later", "x")]
        path = small.write(tasks, family(small, then))
        engines.append(
            subprocess.Popen(
                [sys.executable, "-c", ENGINE, str(path), str(small.folder / "work")],
                start_new_session=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        )
        until(lambda: len(ids(small)) == 3)
        return engines[-1]

    yield begin
    for engine in engines:
        engine.kill()
        engine.communicate()


def ids(small: Small) -> list[int]:
    """Of the step and its children."""
    path = small.folder / "ids"
    return [int(word) for word in path.read_text().split(" ")[:-1]] if path.exists() else []


def alive(process: int) -> bool:
    return psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE


def test_a_killed_engine_leaves_no_process_behind(small: Small, start: Start) -> None:
    engine = start("time.sleep(120)")
    os.killpg(engine.pid, signal.SIGKILL)
    engine.wait()
    with RunFolder(small.folder / "work").held():  # its next run waits for their end
        assert not any(map(alive, ids(small)))
    assert not small.said()


def test_a_process_that_bears_its_mark_just_after_the_engine_was_killed(small: Small) -> None:
    mark = uuid.uuid4().hex
    becomes = f"sleep 0.2; exec env {reaper.MARK}={mark}/1/ sleep 20"
    with subprocess.Popen(["sh", "-c", becomes]) as late:
        command = [sys.executable, reaper.__file__, f"{mark}/"]
        subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
        assert late.wait(timeout=5) == -signal.SIGKILL


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_engine_lets_its_children_save(
    small: Small, start: Start, number: int, code: int
) -> None:
    engine = start(SAVE)
    until((small.folder / "ready").exists)
    engine.send_signal(number)
    output, _ = engine.communicate(timeout=30)
    assert engine.returncode == code
    assert (small.folder / "saved").exists()
    assert not any(map(alive, ids(small)))  # those that nobody told are gone too
    assert not (small.folder / "work/logs/later").exists()
    assert b"Stopped" in output


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [(signal.SIGTERM, signal.SIGTERM, 143), (signal.SIGTERM, signal.SIGINT, 143),
     (signal.SIGINT, signal.SIGINT, 130)],
)  # fmt: skip
def test_a_second_signal_kills(
    small: Small, start: Start, first: int, second: int, code: int
) -> None:
    """As a terminal sends them, to the whole group; the children are in others."""
    engine = start(DO_NOT_LISTEN)
    until((small.folder / "ready").exists)
    os.killpg(engine.pid, first)
    time.sleep(0.5)
    assert engine.poll() is None
    os.killpg(engine.pid, second)
    output, _ = engine.communicate(timeout=30)
    assert engine.returncode == code
    assert b"Traceback" not in output
    assert not any(map(alive, ids(small)))


def test_a_child_killed_from_outside_is_a_failure(small: Small, start: Start) -> None:
    engine = start("time.sleep(120)")
    os.kill(ids(small)[0], signal.SIGKILL)
    output, _ = engine.communicate(timeout=30)
    assert engine.returncode == 137
    assert b"killed by SIGKILL" in output
    assert not any(map(alive, ids(small)))


def test_what_a_step_leaves_running_is_gone_before_the_next_begins(
    small: Small, task: Task
) -> None:
    code = (
        "import psutil, sys\n"
        "ids = open(sys.argv[1]).read().split()\n"
        "running = (p for p in psutil.process_iter() if p.status() != psutil.STATUS_ZOMBIE)\n"
        "print([p.pid for p in running if str(p.pid) in ids])"
    )
    look = {"name": "look", "container": {"command": ["python", "-c", code, f"{small.folder}/ids"]}}
    all_slots = {"parameters": [{"name": "processes", "value": "2"}]}
    tasks = [
        {**task("family", template="family"), "arguments": all_slots},
        task("look", template="look", depends="family"),
    ]
    assert small.run(tasks, family(small, "sys.exit(0)"), look).exit_code == 0
    assert (small.folder / "work/logs/look/1.log").read_text() == "[]\n"
