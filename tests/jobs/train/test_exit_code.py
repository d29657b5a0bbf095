"""Several processes fail together: which of their exit codes is the job's."""

import os
import subprocess
import sys
from typing import Any, cast

import pytest
import torch
from torch.distributed import DistError
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from jobs.errors import BadInputError
from jobs.train import work
from jobs.train.launch import cause, killed
from jobs.train.orphans import LAUNCHER
from jobs.train.settings import TrainSettings


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([1, 75], 75), ([75, 1], 75), ([1, 64], 64), ([64, 75], 64), ([1, 1], 1), ([1, -9], 137),
        ([-6, 1], 75), ([143, 143], 143), ([143, 64], 64), ([64], 64),
    ],
)  # fmt: skip
def test_the_code_is_that_of_who_failed_by_itself(codes: list[int], expected: int) -> None:
    failures = {
        rank: ProcessFailure(local_rank=rank, pid=1, exitcode=code, error_file="none")
        for rank, code in enumerate(codes)
    }
    assert cause(ChildFailedError("train", failures)) == expected


def test_a_gpu_that_is_full_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(work, "_train", fails)
    with pytest.raises(
        BadInputError,
        match=r"too small for 1 row .*; set --activation-check.* or raise --processes from 1",
    ):
        work.train(cast("Any", _Job()))


def test_a_process_whose_launcher_has_ended_before_it_could_ask_ends() -> None:
    gone = subprocess.run(["sh", "-c", "echo $$"], stdout=subprocess.PIPE, text=True, check=True)
    ended = subprocess.run(
        [sys.executable, "-m", "jobs.train"], capture_output=True, check=False,
        env={**os.environ, "RANK": "0", LAUNCHER: gone.stdout.strip()},
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (137, b"")


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        ([1, -9], "process 1 of 2 was ended by SIGKILL, as where a machine runs out of memory; "),
        ([-6, 1], "process 0 of 2 was ended by SIGABRT, as where another process, or the netw"),
        ([-9, 64], ""), ([-6, 75], ""), ([1, 1], ""), ([75], ""), ([143, 143], ""),
    ],
)  # fmt: skip
def test_a_process_that_was_killed_is_named(codes: list[int], says: str) -> None:
    failures = {
        rank: ProcessFailure(local_rank=rank, pid=1, exitcode=code, error_file="none")
        for rank, code in enumerate(codes)
    }
    said = killed(ChildFailedError("train", failures), 2)
    assert said.startswith(says)
    assert bool(said) == bool(says)


class _Job:
    settings = TrainSettings.from_flags(
        ["--model=/m", "--rows=/r", "--out=/o", "--objective=cpt", "--epochs=1"]
    )


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (RuntimeError("[/x/gloo/pair.cc:537] Read error: Connection reset by peer. GLHF!"), 1),
        (DistError("NCCL error in: a.cpp:33, remote process exited"), 1),
    ],
)
def test_who_waited_for_another_ends_with_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, ends: int
) -> None:
    def fails(_: object) -> None:
        raise error

    monkeypatch.setattr(work, "_train", fails)
    with pytest.raises(SystemExit) as ended:
        work.train(cast("Any", _Job()))
    assert ended.value.code == ends
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert line.startswith("another process of this training ended: ")
    assert "\n" not in line


def test_an_own_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> None:
        raise RuntimeError("shape '[2]' is invalid")

    monkeypatch.setattr(work, "_train", fails)
    with pytest.raises(RuntimeError, match="is invalid"):
        work.train(cast("Any", _Job()))
