"""Small trainings on this machine's GPUs, held against the same on its CPU: right or wrong.

Each check is a function that says what it saw, and raises AssertionError where that is wrong.
Without a GPU the same trainings run on the CPU, which shows that the checks themselves work.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from benchmarks.train.cases import Case, make_model, make_rows
from benchmarks.train.runs import Runner
from jobs.artifacts.reading import Artifact
from jobs.kinds.model import SINGLE
from jobs.train.attention import DOCUMENTS, within_documents

SMALL = Case("small", 256, 512, 4, 8, 4, 1024, length=512, rows=64, batch_rows=8, micro_rows=1)
TINY = Case("tiny", 64, 128, 2, 4, 2, 512, length=128, rows=32, batch_rows=8, micro_rows=2)
"""In place of others without a GPU: to see that all of it runs."""
LOSS_TOLERANCE = 0.02
"""Of a loss in bfloat16 against float32, relative."""
SECONDS = 300
CPU = "cpu"
"""The training in float32, on one process of the CPU."""


@dataclass(frozen=True)
class Bench:
    """Where the checks run."""

    folder: Path
    device: torch.device
    processes: int

    @property
    def on_gpu(self) -> bool:
        """Or on the CPU, which only shows that the checks work."""
        return self.device.type == "cuda"

    @property
    def case(self) -> Case:
        """What is trained."""
        return SMALL if self.on_gpu else TINY

    def runner(self, *, on_gpu: bool) -> Runner:
        """Trains the model on its rows."""
        model, rows = self._artifact("artifact"), self._artifact("rows")
        processes = self.processes if on_gpu else 1
        return Runner(self.case, self.folder, model, rows, processes, on_gpu=on_gpu)

    def _artifact(self, name: str) -> Artifact:
        return Artifact.open(f"{self.folder}/{name}")

    def trained(self, name: str, *flags: str) -> Artifact:
        """A training, done once for all checks that look at it; ``cpu`` is on the CPU."""
        out = self.folder / "trained" / name
        if not out.exists():
            self.runner(on_gpu=self.on_gpu and name != CPU).train(out, *flags)
        return Artifact.open(str(out))


def prepared(folder: Path, device: torch.device, processes: int) -> Bench:
    """A bench with its model and its rows."""
    bench = Bench(folder, device, processes)
    make_model(bench.case, folder)
    make_rows(bench.case, folder)
    return bench


def losses(trained: Artifact) -> list[float]:
    """Step by step."""
    return [point["loss"] for point in trained.statistics["history"]]


def difference(found: Artifact, expected: Artifact) -> float:
    """The largest of two trainings' losses, relative."""
    pairs = zip(losses(found), losses(expected), strict=True)
    return max(abs(a - b) / b for a, b in pairs)


def check_kernel(bench: Bench) -> str:
    """Attention within documents against each document by itself, in float64 on the CPU."""
    dtype = torch.bfloat16 if bench.on_gpu else torch.float32
    worst = 0.0
    for heads, keys, size, window in ((8, 8, 64, None), (8, 2, 128, None), (4, 1, 256, 100)):
        ends = [0, 1, 130, 131, 700, 1024]
        draw = torch.Generator().manual_seed(size)
        q, k, v = (
            torch.randn((2, n, 512, size), generator=draw).to(dtype) for n in (heads, keys, keys)
        )
        there = [x.to(bench.device) for x in (q, k, v)]
        found, _ = within_documents(
            None, there[0], there[1], there[2], None, sliding_window=window,
            cu_seq_lens_q=torch.tensor(ends, dtype=torch.int32, device=bench.device),
            max_length_q=569,
        )  # fmt: skip
        expected = _one_by_one(q, k, v, ends, window)
        worst = max(worst, float((found.cpu().double() - expected).abs().max()))
    assert worst < (2e-2 if bench.on_gpu else 1e-5), worst
    return f"largest difference {worst:.2g}"


def _one_by_one(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, ends: list[int], window: int | None
) -> torch.Tensor:
    """[B, h, L, D] → [B, L, h, D], by its definition."""
    batch, heads, length, size = q.shape
    flat = [
        x.double().transpose(1, 2).reshape(batch * length, -1, size).repeat_interleave(
            heads // x.shape[1], 1
        )
        for x in (q, k, v)
    ]  # fmt: skip
    found = []
    for start, end in pairwise(ends):
        a, b, c = (x[start:end].transpose(0, 1) for x in flat)  # [h, n, D]
        seen = torch.ones(end - start, end - start, dtype=torch.bool).tril()
        if window:
            seen = seen.triu(1 - window)
        scores = (a @ b.transpose(1, 2) / size**0.5).masked_fill(~seen, float("-inf"))
        found.append((scores.softmax(-1) @ c).transpose(0, 1))
    return torch.cat(found).view(batch, length, heads, size)


def check_canary(bench: Bench) -> str:
    """The kernel in use is the one without masks, and lets nothing through."""
    told = bench.trained("stage-2").statistics
    assert told["attention"] == DOCUMENTS, told["attention"]
    return f"{told['attention']}, leak {told['canary_leak']:.2g}"


def check_losses(bench: Bench) -> str:
    """Losses in bfloat16 against those in float32 on the CPU."""
    worst = difference(bench.trained("stage-2"), bench.trained(CPU))
    assert worst < LOSS_TOLERANCE, worst
    return f"largest relative difference {worst:.2g}"


def check_stages(bench: Bench) -> str:
    """ZeRO 1, 2 and 3, and activations computed again: the same losses."""
    others = {
        "stage-1": ["--zero-stage=1"],
        "stage-3": ["--zero-stage=3"],
        "recomputed": ["--zero-stage=3", "--activation-checkpointing=true"],
    }
    expected = bench.trained("stage-2")
    worst = max(difference(bench.trained(name, *others[name]), expected) for name in others)
    assert worst < LOSS_TOLERANCE / 2, worst
    return f"largest relative difference {worst:.2g}"


def check_resuming(bench: Bench) -> str:
    """Killed after its first checkpoint, and started again: the same losses."""
    out = bench.folder / "trained" / "killed"
    runner = bench.runner(on_gpu=bench.on_gpu)
    command = runner.command(out, "--checkpoint-steps=2")
    with subprocess.Popen(
        command, env=runner.environment, start_new_session=True, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + SECONDS
        while not list(out.glob("checkpoints/*/manifest.json")) and process.poll() is None:
            assert time.monotonic() < deadline, "no checkpoint"
            time.sleep(0.01)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    runner.train(out, "--checkpoint-steps=2")
    resumed = Artifact.open(str(out))
    step = resumed.statistics["resumed_at_step"]
    worst = difference(resumed, bench.trained("stage-2"))
    assert step > 0, "it was done before it was killed"
    assert worst < LOSS_TOLERANCE / 2, worst
    return f"at step {step}, largest relative difference {worst:.2g}"


def check_merging(bench: Bench) -> str:
    """What was trained is merged; transformers loads it and computes with it on this device."""
    trained = bench.trained("stage-2")
    base, instruct = bench.folder / "artifact", bench.folder / "instruct/artifact"
    if not instruct.exists():
        make_model(bench.case, bench.folder / "instruct", seed=1)
    out = bench.folder / "merged"
    command = [
        sys.executable, "-m", "jobs.merge", f"--base={base}", f"--instruct={instruct}",
        f"--onto={trained.uri}", f"--out={out}",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    tensors = [
        load_file(Artifact.open(str(one)).local_copy(bench.folder / f"of-{n}") / SINGLE)
        for n, one in enumerate((out, trained.uri, instruct, base))
    ]
    for name, found in tensors[0].items():
        onto, tuned, before = (one[name].double() for one in tensors[1:])
        torch.testing.assert_close(found.double(), onto + (tuned - before), rtol=1e-6, atol=1e-6)
    network = AutoModelForCausalLM.from_pretrained(bench.folder / "of-0", trust_remote_code=False)
    ids = torch.arange(64, device=bench.device)[None]
    assert torch.isfinite(network.to(bench.device)(input_ids=ids).logits).all()
    return f"{len(tensors[0])} tensors are onto + (instruct - base); loaded"


CHECKS: dict[str, Callable[[Bench], str]] = {
    "attention within documents": check_kernel,
    "canary": check_canary,
    "losses": check_losses,
    "ZeRO stages": check_stages,
    "kill and resume": check_resuming,
    "merge": check_merging,
}


def checked(bench: Bench) -> Iterator[tuple[str, bool, str]]:
    """Each check's name, whether it is right, and what it saw."""
    for name, check in CHECKS.items():
        try:
            yield name, True, check(bench)
        except (AssertionError, RuntimeError, subprocess.SubprocessError) as error:
            yield name, False, f"{type(error).__name__}: {error}"
