"""What a run says of itself while it goes on, and at its end."""

import asyncio
import io
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.commands.arguments import this_command
from pipelines.local import display
from pipelines.local.folder import RunFolder
from pipelines.local.last_words import last_error, why
from pipelines.local.reading import read_workflow
from pipelines.local.record import StepRecord, new_run
from pipelines.local.run import run_workflow
from tests.pipelines.local.conftest import Small, Task

TELLS = """
import os, time
with open(os.environ["ARGO_PROGRESS_FILE"], "w") as file:
    file.write("steps=1 total=4 per_second=2 seconds_left=1.5 loss=1.25\\n1/4\\n")
time.sleep(2)
"""


def test_a_step_that_goes_on_tells_its_progress_every_thirty_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In 100 s of a clock that goes when it is waited for; of one that tells nothing its time."""
    console = Console(file=io.StringIO(), width=200)
    now = 1000.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        if now > 1100:
            raise TimeoutError

    shown = display.Display(console, RunFolder(tmp_path), new_run("small", "/store", "", []))
    told = RunFolder(tmp_path).progress("tells")
    told.parent.mkdir(parents=True)
    told.write_text("steps=1 total=4 per_second=2 seconds_left=1.5 loss=1.25\n1/4\n")
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for name in ("tells", "quiet"):
        shown.begun(StepRecord(name=name, status="running", attempts=1, begun=time.time() + 999))
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(TimeoutError):
        asyncio.run(shown.tell_progress())
    assert isinstance(console.file, io.StringIO)
    said = [line.split(" ", 1)[1] for line in console.file.getvalue().splitlines()]
    assert said == ["begun     tells", "begun     quiet"] + 3 * [
        "running   tells 25 % · 1 of 4 steps · 2/s · 1.5 s left · loss 1.25 · after 0.00 s",
        "running   quiet after 0.00 s",
    ]


def test_the_beginning_says_where_the_logs_are(small: Small, task: Task) -> None:
    each = task("b", "{{item}}", withParam="{{workflow.parameters.p}}")
    declared = {"parameters": [{"name": "p"}, {"name": "run"}]}
    path = small.write([task("a", "x"), each], arguments=declared)
    given = {"p": '["x", "y"]', "run": "small"}
    folder = RunFolder(small.folder / "work")
    run_workflow(read_workflow(path), given, folder, 2, small.console)
    first, second = small.shown().splitlines()[:2]
    assert first == "run small · 3 steps · store none"
    assert second == f"logs: {small.folder}/work/logs"


def test_on_a_terminal_it_is_a_table_that_goes_away(small: Small, task: Task) -> None:
    console = Console(file=io.StringIO(), width=200, force_terminal=True)
    small.console = console
    tells = small.python("tells", TELLS)
    assert small.run([task("tells", template="tells")], tells).exit_code == 0
    shown = small.shown()
    assert "25 % · 1 of 4 steps · 2/s" in shown
    assert "0 of 1 steps done · Ctrl-C stops in order" in shown
    assert " running " not in shown


def test_a_step_may_begin_while_the_table_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is drawn by a thread of its own."""
    console = Console(file=io.StringIO(), width=200)
    shown = display.Display(console, RunFolder(tmp_path), new_run("small", "/store", "", []))

    def begin(name: str) -> str:
        shown.begun(StepRecord(name=name, status="running", attempts=1, begun=0.0))
        return ""

    begin("first")
    monkeypatch.setattr(display, "progress", lambda _: begin("second"))
    console.print(shown._now_running())


WHYS = {
    "the job's own error": (["x", "2026-11-25T06:40:35Z ERROR pack: no rows"], "pack: no rows"),
    "what came after it": (
        ["2026-11-25T06:40:35Z ERROR pack: no rows", "Terminated", ""], "pack: no rows",
    ),
    "the last of them": (
        [f"2026-11-25T06:40:35Z ERROR train: {number}" for number in (1, 2)], "train: 2",
    ),
    "a bug with what it is": (
        ["2026-11-25T06:40:35Z CRITICAL root: ended by a bug", "  | Trace", "  | KeyError: 'x'"],
        "root: ended by a bug: KeyError: 'x'",
    ),
    "another program's last line": (["a", "b", " "], "b (exit code 1)"),
    "nothing": ([], "exit code 1"),
    "a warning is none": (["2026-11-25T06:40:35Z WARNING pack: slow"],
                          "2026-11-25T06:40:35Z WARNING pack: slow (exit code 1)"),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "says"), WHYS.values(), ids=WHYS.keys())
def test_why(lines: list[str], says: str) -> None:
    assert why("exit code 1", lines) == says
    assert last_error(lines) in (says, "")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["/usr/bin/env", "run", "f.yaml"], "env run f.yaml"),
        (["./perennial", "run", "a b.yaml", "-p", "x='$(id)'"],
         """./perennial run 'a b.yaml' -p 'x='"'"'$(id)'"'"''"""),
        (["/x/pipelines/__main__.py", "run"], f"{sys.executable} -m pipelines run"),
        (["/no/such/perennial", "run", "~/x", "é*"], "/no/such/perennial run '~/x' 'é*'"),
    ],
)  # fmt: skip
def test_the_command_can_be_given_to_a_shell(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], said: str
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setenv("PATH", "/usr/bin")
    assert this_command() == said
    assert Path("/usr/bin/env").exists()
