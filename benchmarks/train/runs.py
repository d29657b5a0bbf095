"""One training each, by train and by the plain loop: how fast, and with how much memory."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.train.cases import Case
from jobs.artifacts.reading import Artifact
from jobs.kinds.rows import TRAIN, file_name

LOOKING_SECONDS = 0.05


class Measured(NamedTuple):
    """One training."""

    tokens_per_second: float
    host_bytes: int
    """Sum of what the processes held at most, each at its own time."""
    gpu_bytes: int | None
    """The most that process 0 had of its GPU's memory."""


@dataclass(frozen=True)
class Runner:
    """Runs trainings of one case, whose model and rows lie in `folder`."""

    case: Case
    folder: Path
    model: Artifact
    rows: Artifact
    processes: int
    on_gpu: bool

    def command(self, out: Path, *flags: str) -> list[str]:
        """That of train; `flags` in place of their namesakes."""
        case = self.case
        given = (
            f"--model={self.model.uri}", f"--rows={self.rows.uri}", f"--out={out}",
            "--objective=cpt", f"--batch-rows={case.batch_rows}", "--learning-rate=1e-5",
            f"--micro-batch-rows={case.micro_rows}", f"--processes={self.processes}", *flags,
        )  # fmt: skip
        by_name = {flag.partition("=")[0]: flag for flag in given}
        return [sys.executable, "-m", "jobs.train", *by_name.values()]

    @property
    def environment(self) -> dict[str, str]:
        """With this machine's GPUs, or without them."""
        if self.on_gpu:
            return dict(os.environ)
        threads = {"OMP_NUM_THREADS": "1"} if self.processes > 1 else {}
        return {**os.environ, "CUDA_VISIBLE_DEVICES": "", "DS_ACCELERATOR": "cpu", **threads}

    def train(self, out: Path, *flags: str) -> Measured:
        """By train. Raises RuntimeError where it fails."""
        memory, _ = self._watched(self.command(out, *flags))
        told = Artifact.open(str(out)).statistics
        return Measured(told["tokens_per_second"], memory, told["memory_bytes"])

    def plain(self) -> Measured:
        """By the plain loop."""
        case = self.case
        (attempt,) = (path for path in (self.folder / "rows").glob("attempt-*") if path.is_dir())
        command = [
            sys.executable, "-m", "torch.distributed.run", "--standalone",
            f"--nproc-per-node={self.processes}", "-m", "benchmarks.train.plain",
            str(self.folder / "model"), str(attempt / file_name(TRAIN, 0)),
            *map(str, (case.batch_rows, case.micro_rows, case.length)),
        ]  # fmt: skip
        memory, printed = self._watched(command)
        told = json.loads(printed.splitlines()[-1])
        return Measured(told["tokens_per_second"], memory, told["gpu_bytes"])

    def _watched(self, command: Sequence[str]) -> tuple[int, str]:
        """Runs it: the bytes that its processes held at most, and what it printed."""
        memory, ended = dict[int, int](), threading.Event()
        with subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            watcher = threading.Thread(target=_watch, args=(process.pid, memory, ended))
            watcher.start()
            printed, errors = process.communicate()
            ended.set()
            watcher.join()
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {errors}")
        return sum(memory.values()), printed


def _watch(pid: int, memory: dict[int, int], ended: threading.Event) -> None:
    while not ended.wait(LOOKING_SECONDS):
        try:
            for child in psutil.Process(pid).children(recursive=True):
                memory[child.pid] = max(memory.get(child.pid, 0), child.memory_info().rss)
        except psutil.Error:
            continue
