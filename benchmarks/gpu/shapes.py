"""Speed and memory of the shapes that fleets train, beside the plain loop on the same rows.

Layers are those of Qwen 2.5 and Llama 3.1; of 8B as many as leave room for the optimizer on one
GPU. Random weights and tokens: neither changes the work.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.gpu.checks import TINY
from benchmarks.train.cases import Case, make_model, make_rows
from benchmarks.train.runs import Measured, Runner
from jobs.kinds import rows as splits
from jobs.train.rows import Rows
from jobs.train.utilisation import Work, peak_flops

LENGTH, ROWS, BATCH_ROWS = 4096, 192, 16
SHAPES = (
    Case("0.5B", 896, 4864, 24, 14, 2, 151936, LENGTH, ROWS, BATCH_ROWS, micro_rows=2),
    Case("1.5B", 1536, 8960, 28, 12, 2, 151936, LENGTH, ROWS, BATCH_ROWS, micro_rows=1),
    Case("8B, 8 of 32 layers", 4096, 14336, 8, 32, 8, 128256, LENGTH, ROWS, BATCH_ROWS, 1),
)
CHECKPOINTING = ("--activation-checkpointing=true",)
LOOPS = TRAIN, RECOMPUTED, PLAIN = "train", "train-recomputed", "plain-loop"


class Shape(NamedTuple):
    """What was measured of one."""

    name: str
    loop: str
    measured: Measured | None
    """None where it did not run."""
    mfu: float | None
    failed: str = ""

    def record(self) -> dict[str, Any]:
        """For JSON."""
        told = {"shape": self.name, "loop": self.loop, "failed": self.failed, "mfu": self.mfu}
        return told | (self.measured._asdict() if self.measured else {})


def measured(device: torch.device, processes: int) -> Iterator[Shape]:
    """Each shape by train, by train with activations computed again, and by the plain loop."""
    on_gpu = device.type == "cuda"
    for case in SHAPES if on_gpu else (TINY,):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            model = make_model(case, folder, torch.bfloat16 if on_gpu else torch.float32)
            rows = make_rows(case, folder)
            runner = Runner(case, folder, model, rows, processes, on_gpu=on_gpu)
            flops = _flops_a_token(runner)
            peak = peak_flops(device)
            for loop in LOOPS:
                try:
                    found = _run(runner, loop, folder)
                except RuntimeError as error:  # out of memory, say: as told as the others
                    yield Shape(case.name, loop, None, None, str(error)[-500:])
                    continue
                mfu = peak and found.tokens_per_second * flops / peak / processes
                yield Shape(case.name, loop, found, mfu)


def _run(runner: Runner, loop: str, folder: Path) -> Measured:
    if loop == PLAIN:
        return runner.plain()
    flags = CHECKPOINTING if loop == RECOMPUTED else ()
    return runner.train(folder / loop, *flags)


def _flops_a_token(runner: Runner) -> float:
    """The same of all loops: attention causal and within each article, nothing twice."""
    case = runner.case
    rows = Rows(runner.rows, splits.TRAIN, case.vocabulary).first(case.rows)
    lengths = [n for row in rows for n in row.lengths]
    work = Work(runner.model.statistics["parameters"], case.layers * case.hidden)
    return work.flops(sum(lengths), sum(n * n for n in lengths)) / sum(lengths)
