"""`perennial status` and `perennial logs`, of runs that go on, have ended, or were killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines import cli
from pipelines.local.folder import RunFolder, run_folder
from pipelines.local.reading import read_workflow
from pipelines.local.run import run_workflow
from tests.pipelines.local.conftest import Small, Task
from tests.support.hostile import HOSTILE, unseen

Perennial = Callable[..., tuple[int, str, str]]

RETRY = {
    "limit": "1",
    "retryPolicy": "Always",
    "expression": "lastRetry.status == 'Error' || asInt(lastRetry.exitCode) in [75]",
    "backoff": {"duration": "1s", "factor": "1"},
}
FAIL = """
import sys
print("2026-11-25T06:40:35Z ERROR pack: s3://b/x: no answer", file=sys.stderr)
print("Terminated", file=sys.stderr)
sys.exit(75)
"""
PROGRESS = """
import os, sys, time
with open(os.environ["ARGO_PROGRESS_FILE"], "w") as file:
    file.write("steps=3 total=4 per_second=2 seconds_left=0.5 loss=1.25\\n3/4\\n")
print("it goes on", flush=True)
time.sleep(float(sys.argv[1]))
print("its end", flush=True)
"""
ENGINE = """
import sys
from pathlib import Path
from pipelines.local.folder import RunFolder
from pipelines.local.run import run_workflow
from pipelines.local.reading import read_workflow
workflow = read_workflow(Path(sys.argv[1]))
folder = RunFolder(Path(sys.argv[2]))
given = {"run": "trial", "store": "/store"}
sys.exit(run_workflow(workflow, given, folder, 2, command="perennial run 'a b'").exit_code)
"""
GIVEN = {"parameters": [{"name": "run"}, {"name": "store"}]}


@pytest.fixture
def perennial(
    small: Small, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Perennial:
    """Exit code, standard output and standard error of the command."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["perennial", *arguments, "--work", str(small.folder)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        return (ended.value.code, *capfd.readouterr())

    return run


def ran(small: Small, name: str, *templates: dict[str, Any], store: str = "/store") -> RunFolder:
    """A run of one step of each template, as it has ended."""
    tasks = [{"name": one["name"], "template": one["name"]} for one in templates]
    workflow = read_workflow(small.write(tasks, *templates, arguments=GIVEN))
    folder = run_folder(small.folder, name, store)
    command = "perennial run 'a b'"
    run_workflow(workflow, {"run": name, "store": store}, folder, 2, small.console, command)
    return folder


@pytest.fixture
def going_on(small: Small) -> Iterator[subprocess.Popen[bytes]]:
    """An engine whose step `long` tells its progress, goes on for 60 s, and whose `last` waits."""
    long = small.python("long", PROGRESS)
    long["container"]["args"] = ["60"]
    tasks = [
        {"name": "long", "template": "long"},
        {"name": "last", "template": "last", "depends": "long"},
    ]
    path = small.write(tasks, long, small.python("last", "pass"), arguments=GIVEN)
    folder = small.folder / "trial-0"
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(path), str(folder)], stdout=subprocess.DEVNULL
    )
    log = folder / "logs/long/1.log"
    until(lambda: log.exists() and b"it goes on" in log.read_bytes())
    yield engine
    engine.terminate()
    engine.wait()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_a_run_that_goes_on_then_one_that_was_killed(
    perennial: Perennial, going_on: subprocess.Popen[bytes]
) -> None:
    code, out, err = perennial("status")
    assert (code, err) == (0, "")
    first, store, logs, _, _, long, last = out.splitlines()
    assert first.startswith("run trial: running since 20")
    assert f"process {going_on.pid} on " in first
    assert first.endswith("; 0 of 2 steps done")
    assert store == "store /store"
    assert logs.endswith("trial-0/logs")
    assert long.split()[:3] == ["long", "running", "1"]
    assert long.rstrip().endswith("75 % · 3 of 4 steps · 2/s · 0.50 s left · loss 1.25")
    assert last.split() == ["last", "waiting"]
    going_on.kill()
    going_on.wait()
    until(lambda: "interrupted" in perennial("status", "trial")[1])
    _, out, _ = perennial("status", "trial-0")
    first, *_, long, last, then = out.splitlines()
    assert first.startswith(f"run trial: interrupted (process {going_on.pid} on ")
    assert long.split()[1] == "interrupted"
    assert then == "the same command continues it: perennial run 'a b'"


def test_a_run_that_failed_says_why_in_the_jobs_own_words(
    small: Small, perennial: Perennial
) -> None:
    ran(small, "broken", small.python("bad", FAIL, retryStrategy=RETRY), small.python("good", ""))
    shown = small.shown()
    assert " retry     bad attempt 1 failed, the next in 1.0 s: pack: s3://b/x: no answer" in shown
    assert "  pack: s3://b/x: no answer\n" in shown
    assert "because" not in shown
    assert shown.endswith("the same command continues it: perennial run 'a b'\n")
    code, out, _ = perennial("status")
    first, _, _, _, _, *steps, why, then = out.splitlines()
    assert code == 0
    assert first.startswith("run broken: ended with 75 after ")
    assert first.endswith("; 1 of 2 steps done")
    assert [line.split()[:4] for line in steps[:1]] == [["bad", "Failed", "(75)", "2"]]
    assert [line.split()[:3] for line in steps[1:]] == [["good", "Succeeded", "1"]]
    assert why == "bad: pack: s3://b/x: no answer"
    assert then == "the same command continues it: perennial run 'a b'"


def test_which_run_is_meant(small: Small, perennial: Perennial) -> None:
    nothing = small.python("nothing", "")
    for name, store in (("early", "/one"), ("late", "/one"), ("early", "/two")):
        ran(small, name, nothing, store=store)
    assert perennial("status")[1].splitlines()[1] == "store /two"
    assert perennial("status", "late")[1].startswith("run late: ended with 0 after ")
    assert perennial("status", "early")[1].splitlines()[1] == "store /two"
    folder = run_folder(small.folder, "early", "/one").path.name
    assert perennial("status", folder)[1].splitlines()[1] == "store /one"
    assert perennial("status", "eraly") == (
        64, "", f"perennial: no run 'eraly' below {small.folder}; did you mean early?\n",
    )  # fmt: skip


BAD_RECORDS = {
    "nothing": (b"", "is no record of a run: it is not JSON"),
    "another's": (b"{}", "is no record of a run: "),
    "of later days": (b'{"schema_version": 2}', "is no record of a run: "),
    "not UTF-8": (b"\xff", "is no record of a run: it is not "),
    "endless": (b" " * (2**24 + 1), "is no record of a run: it is larger than 16777216"),
}


@pytest.mark.parametrize(("data", "says"), BAD_RECORDS.values(), ids=BAD_RECORDS.keys())
def test_a_record_that_is_none(small: Small, perennial: Perennial, data: bytes, says: str) -> None:
    (small.folder / "odd").mkdir()
    (small.folder / "odd/run.json").write_bytes(data)
    for command in (("status",), ("logs", "x"), ("status", "odd")):
        code, out, err = perennial(*command)
        assert (code, out, err.count("\n")) == (64, "", 1)
        assert says in err
    ran(small, "good", small.python("step", ""))  # it does not stand in another's way
    assert perennial("status")[1].startswith("run good: ended with 0 ")
    assert perennial("status", "odd")[0] == 64


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda file: file.symlink_to("/dev/zero")])
def test_a_record_that_is_no_file(
    small: Small, perennial: Perennial, make: Callable[[Path], None]
) -> None:
    (small.folder / "odd").mkdir()
    make(small.folder / "odd/run.json")
    code, _, err = perennial("status")
    assert code == 64
    assert err.startswith(f"perennial: {small.folder}/odd/run.json cannot be read: ")


def test_there_is_no_run(small: Small, perennial: Perennial) -> None:
    says = f"no runs below {small.folder}; start one with perennial run, or name its --work\n"
    assert perennial("status") == (64, "", f"perennial: {says}")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_a_record_and_a_log_hold_moves_nothing(
    small: Small, perennial: Perennial, text: str
) -> None:
    folder = ran(small, "small", small.python("step", ""))
    record = json.loads(folder.record.read_text())
    record |= {"run": text, "store": text, "host": text, "command": text, "exit_code": 1}
    record["steps"][0] |= {"status": "Failed", "error": text}
    folder.record.write_text(json.dumps(record))
    folder.log("step", 1).write_text(text)
    for command in (("status",), ("logs", "step")):
        code, out, err = perennial(*command)
        assert (code, err) == (0, "")
        assert unseen(out) == []
        assert "hunter2" not in out


def test_a_log_is_printed_whole(small: Small, perennial: Perennial) -> None:
    """More lines than standard output lets wait, one of them too long, and none at its end."""
    folder = ran(small, "small", small.python("step", ""))
    lines = [f"line {number}" for number in range(30_000)]
    folder.log("step", 1).write_text("\n".join([*lines, "x" * 10**6, "the end"]))
    code, out, _ = perennial("logs", "step")
    shown = out.splitlines()
    assert code == 0
    assert shown[:30_000] == lines
    assert shown[-1] == "the end"
    assert {len(line) for line in shown[30_000:-1]} == {4000}


STEPS = {
    "traim": "no step 'traim' in this run; did you mean train?",
    "zzz": "no step 'zzz' in this run; perennial status lists them",
    "train": "'train' may be one of several steps: a/train, b/train; name one of them",
    "": "no step '' in this run; perennial status lists them",
    "rain": "no step 'rain' in this run; did you mean train?",
    "../a/train": "no step '../a/train' in this run; did you mean a/train?",
}


@pytest.mark.parametrize(("name", "says"), STEPS.items())
def test_which_step_is_meant(
    small: Small, task: Task, perennial: Perennial, name: str, says: str
) -> None:
    for one in ("a/train", "b/train", "c/x.train"):
        folder = RunFolder(small.folder / "made")
        folder.log(one, 1).parent.mkdir(parents=True)
        folder.log(one, 1).write_text(f"of {one}\n")
    steps = [
        {"name": one, "status": "Succeeded", "attempts": 1}
        for one in ("a/train", "b/train", "c/x.train")
    ]
    record = {
        "schema_version": 1, "run": "r", "store": "s", "command": "", "host": "h", "process": 1,
        "begun": 0, "ended": 1, "exit_code": 0, "steps": steps,
    }  # fmt: skip
    folder.record.write_text(json.dumps(record))
    assert perennial("logs", name) == (64, "", f"perennial: {says}\n")
    assert perennial("logs", "b/train") == (0, "of b/train\n", "")
    assert perennial("logs", "x.train", "--run", "r") == (0, "of c/x.train\n", "")


def test_a_log_that_is_not_there(small: Small, perennial: Perennial) -> None:
    folder = ran(small, "small", small.python("step", ""))
    folder.log("step", 1).unlink()
    os.mkfifo(folder.log("step", 1))
    code, _, err = perennial("logs", "step")
    says = f"perennial: {folder.log('step', 1)} cannot be read: it is no file\n"
    assert (code, err) == (64, says)
    folder.log("step", 1).unlink()
    code, _, err = perennial("logs", "step")
    assert code == 64
    assert "cannot be read: No such file or directory" in err


def follow(small: Small, step: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pipelines", "logs", "-f", step, "--work", str(small.folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_ctrl_c_ends_what_follows_and_not_the_run(
    small: Small, going_on: subprocess.Popen[bytes]
) -> None:
    with follow(small, "long") as follower, follow(small, "last") as waiter:
        assert follower.stdout
        assert follower.stdout.readline() == b"it goes on\n"
        follower.send_signal(signal.SIGINT)
        assert follower.communicate(timeout=20) == (b"", b"")
        assert follower.returncode == 130
        going_on.terminate()  # what has not begun never will
        says = b"perennial: step last of run trial has not begun\n"
        assert waiter.communicate(timeout=20) == (b"", says)
        assert waiter.returncode == 64


def test_a_reader_that_leaves_ends_what_follows(
    small: Small, going_on: subprocess.Popen[bytes]
) -> None:
    with follow(small, "long") as follower:
        assert follower.stdout
        follower.stdout.readline()
        follower.stdout.close()
        with (small.folder / "trial-0/logs/long/1.log").open("a") as log:
            log.write("more\n")
        assert follower.wait(timeout=20) == 0


def test_what_follows_goes_from_attempt_to_attempt_to_the_end(
    small: Small, perennial: Perennial
) -> None:
    code = (
        "import pathlib, sys, time; first = pathlib.Path(sys.argv[1])\n"
        "print('first' if not first.exists() else 'second', flush=True); time.sleep(1)\n"
        "if not first.exists(): first.touch(); print('fails', end='', flush=True); sys.exit(75)\n"
        "print('succeeds')"
    )
    step = small.python("step", code, retryStrategy=RETRY)
    step["container"]["args"] = [str(small.folder / "first")]
    path = small.write([{"name": "step", "template": "step"}], step, arguments=GIVEN)
    command = [sys.executable, "-c", ENGINE, str(path), str(small.folder / "trial-0")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL):
        until((small.folder / "trial-0/logs/step/1.log").exists)
        assert perennial("logs", "-f", "step") == (0, "first\nfails\nsecond\nsucceeds\n", "")
