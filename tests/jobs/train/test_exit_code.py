"""Several processes fail together: which of their exit codes is the job's."""

import os
import subprocess
import sys
from typing import Any, NoReturn, cast

import pytest
import torch
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from jobs.errors import BadInputError
from jobs.train import engine
from jobs.train.launch import cause
from jobs.train.orphans import LAUNCHER
from jobs.train.work import train


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([1, 75], 75), ([75, 1], 75), ([1, 64], 64), ([64, 75], 64), ([1, 1], 1), ([1, -9], 137),
        ([-6, 1], 134), ([143, 143], 143), ([143, 64], 64), ([64], 64),
    ],
)  # fmt: skip
def test_the_code_is_that_of_who_failed_by_itself(codes: list[int], expected: int) -> None:
    failures = {
        rank: ProcessFailure(local_rank=rank, pid=1, exitcode=code, error_file="none")
        for rank, code in enumerate(codes)
    }
    assert cause(ChildFailedError("train", failures)) == expected


def test_a_gpu_that_is_full_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def start_processes() -> NoReturn:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(engine, "start_processes", start_processes)
    with pytest.raises(BadInputError, match="the memory of the GPU is full; lower --micro-batch"):
        train(cast("Any", None))  # it asks for the device first


def test_a_process_whose_launcher_has_ended_before_it_could_ask_ends() -> None:
    gone = subprocess.run(["sh", "-c", "echo $$"], stdout=subprocess.PIPE, text=True, check=True)
    ended = subprocess.run(
        [sys.executable, "-m", "jobs.train"], capture_output=True, check=False,
        env={**os.environ, "RANK": "0", LAUNCHER: gone.stdout.strip()},
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (137, b"")
