"""What a child prints or leaves, and how a workflow names things: nothing else is moved by it."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from jobs.errors import BadInputError
from pipelines.local.display import Display, _read_progress
from pipelines.local.engine import Outcome, Step
from pipelines.local.workflow import read_workflow
from tests.pipelines.local.conftest import Small, Task
from tests.support.hostile import FORGED, HOSTILE, READABLE, unseen

each = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


@each
def test_the_end_of_a_childs_log_and_its_message(tmp_path: Path, text: str) -> None:
    console = Console(file=io.StringIO(), width=500, markup=True)
    step = Step(f"family/{text}", "train", {}, ("x",), {}, (), None, 60)
    log = tmp_path / "x.log"
    log.write_bytes(f"{READABLE}{text}\n20:00:00Z Succeeded promote\r| y".encode())
    display = Display(console)
    display.begun(step, 1, tmp_path / "progress")
    display.retried(step, Outcome("Failed", 75, message=text), 30)
    display.ended(step, Outcome("Failed", 1, message=f"exit {text}"), 2, log)
    console.print(display.table())
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert unseen(shown) == []
    assert "hunter2" not in shown
    events = [line for line in shown.splitlines() if line[:1].isdigit()]
    assert [line.split()[1] for line in events] == ["begun", "retry", "Failed"]
    assert f"  | {READABLE.split()[0]}" in shown
    assert "  | 20:00:00Z Succeeded promote\n  | | y\n" in shown


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "9" * 10**6 + "/1", "/", "1/0", "x/y", "-5/\n", "1" * 60]
)
def test_a_childs_progress(tmp_path: Path, text: str) -> None:
    file = tmp_path / "progress"
    file.write_text(text)
    assert _read_progress(file) == ""
    file.unlink()
    file.mkdir()
    assert _read_progress(file) == ""
    (tmp_path / "good").write_text("12/48\n")
    assert _read_progress(tmp_path / "good") == "25 %"


def test_a_forged_line_of_a_child_in_a_run(small: Small, task: Task) -> None:
    small.run([task("bad", template="bad")], small.python("bad", f"print({FORGED!r}); 1/0"))
    assert "  | 2026-11-25T06:40:35Z INFO promote: released" in small.shown()
    assert not [line for line in small.shown().splitlines() if line.startswith("2026")]


@pytest.mark.parametrize("name", ["../../x", "a/b", "", ".", "x\ny", "[/x]", "n" * 200, "\u0430"])
def test_a_workflows_names_cannot_leave_the_runs_folder(
    small: Small, task: Task, name: str
) -> None:
    with pytest.raises(BadInputError, match="the local engine does not know") as caught:
        read_workflow(small.write([task(name, "x")]))
    assert unseen(str(caught.value)) == []


def test_a_value_that_no_program_can_be_given(small: Small, task: Task) -> None:
    with pytest.raises(BadInputError, match="holds a NUL"):
        small.run([task("a", "{{workflow.parameters.p}}")], parameters={"p": "a\0b"},
                  arguments={"parameters": [{"name": "p"}]})  # fmt: skip


@each
def test_what_runs_now_on_a_terminal(tmp_path: Path, text: str) -> None:
    console = Console(file=io.StringIO(), width=500, color_system=None, markup=True)
    display = Display(console)
    display.begun(Step(text, "train", {}, ("x",), {}, (), None, 60), 1, tmp_path / "progress")
    console.print(display._now_running())
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue().splitlines()
    assert len(shown) == 2  # begun, and the table's only row
    assert unseen("".join(shown)) == []


OUTPUT = """
import os, pathlib
out = pathlib.Path(os.environ["PERENNIAL_OUTPUTS"], "loud")
{}
"""
OUTPUTS = {
    "nothing": ("", "did not write its output 'loud'"),
    "a link": ("out.symlink_to('/etc/hostname')", "Too many levels of symbolic links"),
    "a link to nothing": ("out.symlink_to('x')", "Too many levels of symbolic links"),
    "a pipe": ("os.mkfifo(out)", "it is no file"),
    "a folder": ("out.mkdir()", "Is a directory"),
    "a device": ("out.symlink_to('/dev/zero')", "Too many levels of symbolic links"),
    "too much": ("out.write_bytes(b'x' * (2**16 + 1))", "it has more than 65536 bytes"),
    "without end": ("out.touch(); os.truncate(out, 2**40)", "it has more than 65536 bytes"),
    "no UTF-8": ("out.write_bytes(bytes([255]))", "can't decode byte 0xff"),
    "half a character": ("out.write_bytes(bytes([237, 160, 128]))", "can't decode byte 0xed"),
    "two lines": ("out.write_text('a\\nb\\n')", "it holds '\\n', expected one line of text"),
    "a NUL": ("out.write_bytes(bytes(1))", r"it holds '\x00', expected one line of text"),
    "an escape": ("out.write_bytes(bytes([27]) + b'[2J')", r"it holds '\x1b', expected one line"),
}


@pytest.mark.parametrize(("code", "said"), OUTPUTS.values(), ids=OUTPUTS.keys())
def test_an_output_that_is_none(small: Small, task: Task, code: str, said: str) -> None:
    declared = {"parameters": [{"name": "loud", "valueFrom": {"path": "/tmp/outputs/loud"}}]}
    bad = small.python("bad", OUTPUT.format(code), outputs=declared)
    bad["container"]["env"] = [{"name": "PERENNIAL_OUTPUTS", "value": "/tmp/outputs"}]
    ran = small.run([task("bad", template="bad"), task("later", "x", depends="bad")], bad)
    assert (ran.exit_code, small.said()) == (1, [])
    assert said in small.shown()
    assert unseen(small.shown()) == []


def test_no_module_is_taken_from_the_folder_that_a_run_is_started_from(
    small: Small, task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be one of the store, in which others write."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "colorsys.py").write_text("open('ran', 'w')")
    step = small.python("step", "import colorsys")
    assert small.run([task("step", template="step")], step).exit_code == 0
    assert not (tmp_path / "ran").exists()
