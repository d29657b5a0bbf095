"""`make bench-train`: train beside a plain loop of transformers and DeepSpeed, on the same rows.

python -m benchmarks.train [--rounds 3]

Two processes on the CPU, in float32, ZeRO 2; packed rows of articles whose lengths are log-normal.
In turns, so that both meet the same machine. Tokens a second are those of the loop, without start
and end.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.train.cases import Case, make_model, make_rows
from benchmarks.train.runs import Measured, Runner
from jobs.numbers import num_bytes

PROCESSES = 2
CASES = (
    Case("1M, as the demo's", 128, 352, 4, 4, 2, 2048, length=512, rows=256, batch_rows=16,
         micro_rows=8),
    Case("100M", 640, 1792, 12, 10, 5, 32000, length=512, rows=32, batch_rows=8, micro_rows=4),
)  # fmt: skip
Found = Mapping[str, Mapping[str, Sequence[Measured]]]
"""Case → loop → its runs."""


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
            model, rows = make_model(case, folder), make_rows(case, folder)
            runner = Runner(case, folder, model, rows, PROCESSES, on_gpu=False)
            for number in range(rounds):
                found[case.name]["train"].append(runner.train(folder / str(number)))
                found[case.name]["plain loop"].append(runner.plain())
    Console(width=100).print(table(found))


def table(found: Found) -> Table:
    """Medians, and the median of the rounds' own ratios."""
    shown = Table(title="Training on two processes of a CPU: medians of the rounds")
    for heading in ("model", "loop", "tokens/s", "of plain", "memory", "of plain"):
        shown.add_column(heading, justify="left" if heading in ("model", "loop") else "right")
    for name, by_loop in found.items():
        for loop, runs in by_loop.items():
            pairs = list(zip(runs, by_loop["plain loop"], strict=True))
            speed = median(a.tokens_per_second / b.tokens_per_second for a, b in pairs)
            memory = median(a.host_bytes / b.host_bytes for a, b in pairs)
            tokens = f"{median(run.tokens_per_second for run in runs):.0f}"
            held = num_bytes(median(run.host_bytes for run in runs))
            shown.add_row(name, loop, tokens, f"{speed:.2f} ×", held, f"{memory:.2f} ×")
    return shown


if __name__ == "__main__":
    main()
