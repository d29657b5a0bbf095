"""Stops that libraries swallow, miss or turn into something else: real processes, all at once."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent

import pytest

from jobs.errors import BadInputError
from jobs.stopping import GRACE, grace_seconds, reserve_seconds
from pipelines.local import reaper
from tests.jobs.stops import CASES, INT, PROGRAM, TERM, Case
from tests.test_arrows import JOBS


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    folder: Path
    mark: str
    told_at: float = 0.0
    ended_at: float = 0.0
    alive: list[int] = field(default_factory=list)

    def has_ended(self) -> bool:
        if not self.ended_at and self.process.poll() is not None:
            self.ended_at = time.monotonic()
        return bool(self.ended_at)


def start(case: Case, folder: Path) -> Running:
    folder.mkdir()
    program = folder / "program.py"
    program.write_text(PROGRAM.format(case=indent(case.code, "    ")))
    mark = f"{uuid.uuid4().hex}/"
    environment = {**os.environ, GRACE: "4", reaper.MARK: mark}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, str(program)], stderr=log, env=environment)
    return Running(process, folder, mark)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Running]]:
    """Every case, started, told and ended, all at the same time."""
    root = tmp_path_factory.mktemp("stops")
    running = {name: start(case, root / str(n)) for n, (name, case) in enumerate(CASES.items())}
    try:
        until(lambda: all((one.folder / "ready").exists() for one in running.values()))
        time.sleep(0.2)
        for name, one in running.items():
            one.told_at = time.monotonic()
            for number in CASES[name].signals:
                one.process.send_signal(number)
                time.sleep(0.1 if len(CASES[name].signals) > 1 else 0)
        until(lambda: not [one for one in running.values() if not one.has_ended()])
        time.sleep(0.2)
        for one in running.values():
            one.alive = reaper._marked(one.mark)
        yield running
    finally:
        for one in running.values():
            reaper.kill_marked(one.mark)
            one.process.wait()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("name", CASES)
def test_a_stop_reaches_the_end_and_nothing_is_kept_of_what_came_after(
    name: str, ended: dict[str, Running]
) -> None:
    case, one = CASES[name], ended[name]
    assert not one.alive
    said = (one.folder / "log").read_text()
    assert one.process.returncode == case.exit_code, said
    least, most = case.seconds
    assert least <= one.ended_at - one.told_at <= most, said
    kept = [path.name for path in (one.folder / "store").glob("*")]
    assert kept == (["after"] if case.writes else [])
    assert "Traceback" not in said
    if case.said:
        assert said.splitlines()[-1].endswith(case.said)
    assert all((one.folder / file).exists() for file in case.there)


# Tells the process to stop while it imports a module.
TOLD_AT_AN_IMPORT = """
import os, sys

class Told:
    def find_spec(self, name, *_):
        if name == os.environ["TELL_AT"]:
            os.kill(os.getpid(), int(os.environ["NUMBER"]))

sys.meta_path.insert(0, Told())
"""


@pytest.mark.parametrize(
    ("module", "number", "code"),
    [("enum", INT, 130), ("pydantic", INT, 130), ("pydantic", TERM, 143)],
)
@pytest.mark.parametrize("job", sorted(JOBS))
def test_a_stop_while_a_job_imports_is_one_line(
    tmp_path: Path, job: str, module: str, number: int, code: int
) -> None:
    (tmp_path / "sitecustomize.py").write_text(TOLD_AT_AN_IMPORT)
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    ended = subprocess.run(
        [sys.executable, "-m", f"jobs.{job}"], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": path, "TELL_AT": module, "NUMBER": str(int(number))},
    )  # fmt: skip
    assert ended.returncode == code
    stopped = f" ERROR {job}: stopped by {signal.Signals(number).name}; the same command continues"
    assert [line[20:] for line in ended.stderr.splitlines()] == [stopped]


@pytest.mark.parametrize(
    "text", ["", "0", "-5", "30s", "1.5", "1e2", " 30", "٣٠", "²", "1234567", "inf"]
)
def test_a_grace_that_is_no_number_of_seconds_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match=rf"^{GRACE}={text!r} is wrong: expected whole seconds"):
        grace_seconds({GRACE: text})


def test_the_grace_is_shared_by_those_who_wait_for_each_other() -> None:
    assert (grace_seconds({}), grace_seconds({GRACE: "300"})) == (30, 300)
    assert [reserve_seconds(grace) for grace in (4, 30, 40, 300)] == [1.0, 7.5, 10.0, 10.0]
