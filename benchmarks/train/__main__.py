"""`make bench-train`: train beside a plain loop of transformers and DeepSpeed, on the same rows.

python -m benchmarks.train [--rounds 3]

Two processes on the CPU, in float32, ZeRO 2; packed rows of articles whose lengths are log-normal.
In turns, so that both meet the same machine. Tokens a second are those of the loop, without start
and end; memory is the sum of what the processes held at most, each at its own time.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil
from rich.console import Console
from rich.table import Table
from transformers import LlamaConfig, LlamaForCausalLM

from jobs.artifacts.manifest import Work
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.kinds.rows import ROWS, TRAIN, Row, file_name
from jobs.numbers import num_bytes
from jobs.pack.rows import write_rows
from jobs.store.prefix import Prefix
from tests.support.pico import commit

PROCESSES = 2
LOOKING_SECONDS = 0.05
MEDIAN_TOKENS, SPREAD = 250, 0.8
"""Of an article: scaled to short rows."""


class Case(NamedTuple):
    """A model, and what it is trained on."""

    name: str
    hidden: int
    layers: int
    heads: int
    vocabulary: int
    length: int
    """Tokens a row."""
    rows: int
    batch_rows: int
    micro_rows: int


CASES = (
    Case("as the demo's, 1M", 128, 4, 4, 2048, 512, 256, 16, 8),
    Case("100M", 640, 12, 10, 32000, 512, 32, 8, 4),
)


class Measured(NamedTuple):
    """One training."""

    tokens_per_second: float
    memory: int
    """Bytes."""


def main() -> None:
    """Measures in turns and prints the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.train", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    found: dict[str, dict[str, list[Measured]]] = defaultdict(lambda: defaultdict(list))
    for case in CASES:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            model, rows = _model(case, folder), _rows(case, folder)
            for number in range(rounds):
                found[case.name]["train"].append(_ours(case, model, rows, folder / str(number)))
                found[case.name]["plain"].append(_plain(case, folder))
    Console(width=100).print(table(found))


def table(found: dict[str, dict[str, list[Measured]]]) -> Table:
    """Medians, and the median of the rounds' own ratios."""
    shown = Table(title="Training on two processes of a CPU, medians")
    for heading in ("model", "", "tokens/s", "of plain", "memory", "of plain"):
        shown.add_column(heading, justify="left" if heading in ("model", "") else "right")
    for name, by_loop in found.items():
        for loop, runs in by_loop.items():
            pairs = list(zip(runs, by_loop["plain"], strict=True))
            speed = median(a.tokens_per_second / b.tokens_per_second for a, b in pairs)
            memory = median(a.memory / b.memory for a, b in pairs)
            shown.add_row(
                name,
                loop,
                f"{median(run.tokens_per_second for run in runs):.0f}",
                f"{speed:.2f} ×",
                num_bytes(median(run.memory for run in runs)),
                f"{memory:.2f} ×",
            )
    return shown


def _model(case: Case, folder: Path) -> Artifact:
    config = LlamaConfig(
        vocab_size=case.vocabulary, hidden_size=case.hidden, num_hidden_layers=case.layers,
        intermediate_size=case.hidden * 14 // 5, num_attention_heads=case.heads,
        num_key_value_heads=case.heads // 2, max_position_embeddings=case.length,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder / "model")
    files = {path.name: path.read_bytes() for path in (folder / "model").iterdir()}
    tokenizer = {"tokenizer.json": b"{}", "tokenizer_config.json": b"{}"}
    return commit(f"{folder}/artifact", "model", {**files, **tokenizer})


def _rows(case: Case, folder: Path) -> Artifact:
    """Of tokens drawn at random."""
    draw = random.Random(0)
    settings = {"sequence_length": case.length}
    work = Work(kind="rows", producer="pack 1", settings=settings, inputs={})
    writer = ArtifactWriter(Prefix(f"{folder}/rows"), work, {})
    rows = [_row(case, draw) for _ in range(case.rows)]
    write_rows(writer, TRAIN, iter(rows), ROWS)
    return writer.commit({"rows": len(rows), "tokens": sum(len(row.ids) for row in rows)})


def _row(case: Case, draw: random.Random) -> Row:
    lengths = list[int]()
    while (left := case.length - sum(lengths)) > 0:
        lengths.append(min(left, max(8, int(MEDIAN_TOKENS * draw.lognormvariate(0, SPREAD)))))
    return Row.of([draw.randrange(case.vocabulary) for _ in range(case.length)], lengths)


def _ours(case: Case, model: Artifact, rows: Artifact, out: Path) -> Measured:
    flags = (
        f"--model={model.uri}", f"--rows={rows.uri}", f"--out={out}", "--objective=cpt",
        f"--batch-rows={case.batch_rows}", f"--micro-batch-rows={case.micro_rows}",
        f"--processes={PROCESSES}", "--learning-rate=1e-5",
    )  # fmt: skip
    memory, _ = _watched([sys.executable, "-m", "jobs.train", *flags])
    return Measured(Artifact.open(str(out)).statistics["tokens_per_second"], memory)


def _plain(case: Case, folder: Path) -> Measured:
    (attempt,) = (path for path in (folder / "rows").glob("attempt-*") if path.is_dir())
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone",
        f"--nproc-per-node={PROCESSES}", "-m", "benchmarks.train.plain", str(folder / "model"),
        str(attempt / file_name(TRAIN, 0)), str(case.batch_rows), str(case.micro_rows),
        str(case.length),
    ]  # fmt: skip
    memory, printed = _watched(command)
    return Measured(float(printed.split()[-1]), memory)


def _watched(command: list[str]) -> tuple[int, str]:
    """Runs it: the bytes that its processes held at most, and what it printed."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    memory, ended = dict[int, int](), threading.Event()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        watcher = threading.Thread(target=_watch, args=(process.pid, memory, ended))
        watcher.start()
        printed, errors = process.communicate()
        ended.set()
        watcher.join()
    if process.returncode:
        raise RuntimeError(errors)
    return sum(memory.values()), printed


def _watch(pid: int, memory: dict[int, int], ended: threading.Event) -> None:
    while not ended.wait(LOOKING_SECONDS):
        try:
            for child in psutil.Process(pid).children(recursive=True):
                memory[child.pid] = max(memory.get(child.pid, 0), child.memory_info().rss)
        except psutil.Error:
            continue


if __name__ == "__main__":
    main()
