"""What a child prints or leaves, and how a workflow names things: nothing else is moved by it."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from jobs.errors import BadInputError
from pipelines.local.display import Display
from pipelines.local.folder import RunFolder
from pipelines.local.last_words import tail, why
from pipelines.local.reading import read_workflow
from pipelines.local.record import StepRecord, new_run
from pipelines.local.standing import progress
from tests.pipelines.local.conftest import Small, Task
from tests.support.hostile import FORGED, HOSTILE, READABLE, unseen

each = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


def shown_by(folder: Path, **console: Any) -> tuple[Display, Console]:
    """A display, and the console that it shows on."""
    made = Console(file=io.StringIO(), width=500, markup=True, **console)
    run = new_run("small", "/store", "", [])
    return Display(made, RunFolder(folder), run), made


def said_on(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@each
def test_the_end_of_a_childs_log_and_its_message(tmp_path: Path, text: str) -> None:
    display, console = shown_by(tmp_path)
    log = tmp_path / "x.log"
    log.write_bytes(f"{READABLE}{text}\n20:00:00Z Succeeded promote\r| y".encode())
    step = StepRecord(name=f"family/{text}", status="running", attempts=1, begun=0.0)
    display.begun(step)
    display.retried(step.model_copy(update={"error": text}), 30)
    failed = {"status": "Failed", "exit_code": 1, "error": why(f"exit {text}", tail(log))}
    display.ended(ended := step.model_copy(update=failed), log, tail(log))
    display.all_ended(new_run("small", "/store", text, []), (ended,))
    shown = said_on(console)
    assert unseen(shown) == []
    assert "hunter2" not in shown
    events = [line for line in shown.splitlines() if line[:1].isdigit()]
    assert [line.split()[1] for line in events] == ["begun", "retry", "Failed"]
    assert f"  | {READABLE.split()[0]}" in shown
    assert "  | 20:00:00Z Succeeded promote\n  | | y\n" in shown


NO_PROGRESS = {
    "an escape": "\x1b[2J", "too long": "9" * 10**6 + "/1", "no numbers": "/", "of nothing": "1/0",
    "words": "x/y", "negative": "-5/", "one number": "1" * 60, "other digits": "١/٢",
    "the wrong order": "1/2\nsteps=1 total=2",
}  # fmt: skip


@pytest.mark.parametrize("text", NO_PROGRESS.values(), ids=NO_PROGRESS.keys())
def test_a_childs_progress_that_is_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "progress"
    file.write_text(text)
    assert progress(file) == ""
    file.unlink()
    file.mkdir()
    assert progress(file) == ""


PROGRESS = {
    "12/48\n": "25 % · 12 of 48",
    "60/48\n": "100 % · 48 of 48",
    "steps=12 total=48 per_second=0.5 seconds_left=72 loss=2.31\n12/48\n":
        "25 % · 12 of 48 steps · 0.5/s · 1 min 12 s left · loss 2.31",
    "bytes=1500000 total=3000000 per_second=2e+06 seconds_left=1\n1500000/3000000\n":
        "50 % · 1.5 MB of 3 MB · 2 MB/s · 1.0 s left",
    "rows=1 total=2 per_second=nan seconds_left=-1 loss=nan\n1/2\n":
        "50 % · 1 of 2 rows · loss nan",
    "rows=2 total=2 per_second=1 seconds_left=0\n2/2": "100 % · 2 of 2 rows · 1/s",
    "per_second total\n1/2": "50 % · 1 of 2",
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), PROGRESS.items())
def test_a_childs_progress(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "progress").write_text(text)
    assert progress(tmp_path / "progress") == said


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
    with pytest.raises(BadInputError, match=r"holds '.x00'"):
        small.run([task("a", "{{workflow.parameters.p}}")], parameters={"p": "a\0b"},
                  arguments={"parameters": [{"name": "p"}]})  # fmt: skip


@each
def test_what_runs_now_on_a_terminal(tmp_path: Path, text: str) -> None:
    display, console = shown_by(tmp_path, color_system=None)
    progress_file = RunFolder(tmp_path).progress("step")
    progress_file.parent.mkdir(parents=True)
    progress_file.write_text(f"{text}=1 total=2 fact={text}\n1/2")
    display.begun(StepRecord(name=text, status="running", attempts=1, begun=0.0))
    display.begun(StepRecord(name="step", status="running", attempts=1, begun=0.0))
    console.print(display._now_running())
    shown = said_on(console).splitlines()
    assert len(shown) == 5  # two begun, the table's rows, and how many are done
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
    "no UTF-8": ("out.write_bytes(bytes([255]))", "the byte 0xff at"),
    "half a character": ("out.write_bytes(bytes([237, 160, 128]))", "the byte 0xed at"),
    "two lines": ("out.write_text('a\\nb\\n')", "it holds '\\n', expected one line of text"),
    "a tag": (
        "out.write_text('{' * 2)",
        "it holds '{{', which a cluster does not hand on as it is",
    ),
    "a variable": ("out.write_text('$(X)')", "it holds '$(', which a cluster does not hand on"),
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
