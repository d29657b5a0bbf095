"""Stops with too short a grace, told again and again, in the middle of a save: real torchrun."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from torch.distributed import run

from jobs.artifacts.manifest import find_manifest
from jobs.stopping import GRACE
from jobs.store.prefix import Prefix
from jobs.train import grace, launch
from tests.jobs.train.test_train import checkpoints, flags, inputs

__all__ = ["inputs"]  # the fixture

# In every process of a training job: a step takes STEP_SECONDS more, and the upload of a checkpoint
# SECONDS, and at the given point process 0 tells torchrun to stop, as often as it says.
TROUBLE = """
import os, signal, time
if "RANK" in os.environ:
    from jobs.train.shares import Copied
    upload, counts = Copied.write, {"save": 0, "step": 0}

    def tell(point):
        counts[point] += 1
        if os.environ["TELL_AT"] == f"{point} {counts[point]}" and os.environ["RANK"] == "0":
            for _ in range(int(os.environ["TIMES"])):
                os.kill(os.getppid(), signal.SIGTERM)
                time.sleep(0.3)

    def slowly(*given):
        tell("save")
        time.sleep(float(os.environ["SECONDS"]))
        upload(*given)

    Copied.write = slowly

    from jobs.train import schedule
    rate = schedule.learning_rate

    def told(*given):
        time.sleep(float(os.environ["STEP_SECONDS"]))
        tell("step")
        return rate(*given)

    schedule.learning_rate = told
"""


def stopped(
    inputs: Path, tmp_path: Path, *instead: str, **environment: str
) -> tuple[str, list[str]]:
    """What a training that is told to stop says, and the steps that it has saved."""
    (tmp_path / "sitecustomize.py").write_text(TROUBLE)
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    out = f"{tmp_path}/out"
    result = subprocess.run(
        [sys.executable, "-m", "jobs.train", *flags(inputs, out, *instead)],
        env={**os.environ, "PYTHONPATH": path, "TIMES": "1", "STEP_SECONDS": "0", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 143, result.stderr
    assert result.stderr.count(" ERROR ") <= 2, "process 0, of what is saved, and the launcher"
    assert "closing signal" not in result.stderr
    assert find_manifest(Prefix(out)) is None
    return result.stderr, [str(int(name.split("-")[1])) for name in checkpoints(out)]


@pytest.mark.slow
def test_what_cannot_be_saved_in_time_is_not_begun_and_said(inputs: Path, tmp_path: Path) -> None:
    """Of a grace of 4 s its processes have 2; the checkpoint of step 5 took 3."""
    trouble = {GRACE: "4", "SECONDS": "3", "STEP_SECONDS": "1.2", "TELL_AT": "step 8"}
    said, saved = stopped(inputs, tmp_path, **trouble)
    assert saved == ["5"]
    assert re.search(
        "stopped after step 8, which takes about [45] s to save, and 2 s are left: ", said
    )
    assert "the checkpoint of step 5 is what counts, 3 steps will be done again" in said
    assert "which is saved" not in said


@pytest.mark.slow
def test_a_save_that_takes_too_long_is_ended_and_nobody_says_it_was_made(
    inputs: Path, tmp_path: Path
) -> None:
    trouble = {GRACE: "4", "SECONDS": "3", "TELL_AT": "save 2"}
    said, saved = stopped(inputs, tmp_path, "--processes=1", **trouble)
    assert saved == ["5"]
    assert re.search(
        "it did not end by itself in time and was ended; "
        "the checkpoint of step 5 is what counts, [0-9]+ steps will be done again",
        said,
    )
    assert "which is saved" not in said


@pytest.mark.slow
def test_told_again_while_it_saves_it_still_saves(inputs: Path, tmp_path: Path) -> None:
    trouble = {GRACE: "30", "SECONDS": "1.5", "TELL_AT": "step 8", "TIMES": "3"}
    said, saved = stopped(inputs, tmp_path, **trouble)
    assert saved == ["8"]
    assert "stopped after step 8, which is saved; the same command continues" in said


@pytest.mark.parametrize(("seconds", "for_processes"), [("300", 290), ("30", 22), ("1", 0)])
def test_torchrun_waits_as_long_as_the_pod_does_but_for_its_own_end(
    monkeypatch: pytest.MonkeyPatch, seconds: str, for_processes: int
) -> None:
    given: list[Any] = []
    monkeypatch.setenv(GRACE, seconds)
    monkeypatch.setattr("sys.argv", ["train", "--seed=1"])
    monkeypatch.setattr(run, "run", given.append)
    launch.under_torchrun(2)
    (arguments,) = given
    assert arguments.shutdown_timeout == for_processes
    assert arguments.signals_to_handle == "SIGHUP", "a second SIGTERM must not end the wait"
    assert (arguments.nproc_per_node, arguments.training_script_args) == ("2", ["--seed=1"])


@pytest.mark.parametrize(
    ("needed", "left", "is_enough"),
    [(0.0, 280.0, True), (280.0, 280.0, True), (280.1, 280.0, False), (0.0, -1.0, False)],
)
def test_time_is_judged(needed: float, left: float, is_enough: bool) -> None:
    assert grace.Grace(seconds_left=left, seconds_needed=needed).is_enough == is_enough


def test_what_counts() -> None:
    assert grace.what_counts(137, 100) == (
        "the checkpoint of step 100 is what counts, 37 steps will be done again"
    )
    assert grace.what_counts(7, None) == "no checkpoint is saved, 7 steps will be done again"
