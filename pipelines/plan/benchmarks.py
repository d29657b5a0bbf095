"""How much work the tasks of a suite are: their items, as published, and the tokens of each.

Tokens are rounded means of the prompts as lm-eval puts them, by Llama's tokenizer; what is
generated is what the longest answer of a batch has, as the others wait for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from jobs.suites import Task


@dataclass(frozen=True)
class Benchmark:
    """One task of lm-eval."""

    data: str
    """Its scored split, as it is called below a bundle's ``data/``, in a folder, and on the hub."""
    items: int
    tokens: int
    """Of one item without examples: the question and one answer."""
    answers: float = 1
    """Forward passes an item; those of one token (MMLU's A to D) share one."""
    shot_tokens: int = 0
    """Of one example."""
    generated: int = 0
    """Tokens until the longest answer of a batch has ended; 0 is a choice among given answers."""
    single_tasks: int = 1
    """Of which each has the suite's limit."""


BENCHMARKS = {
    "ifeval": Benchmark("google/IFEval/train", 541, 60, generated=1280),
    "mmlu": Benchmark("cais/mmlu/*/test", 14_042, 110, shot_tokens=115, single_tasks=57),
    "mmlu_pro": Benchmark(
        "TIGER-Lab/MMLU-Pro/test", 12_032, 230, shot_tokens=220, generated=512, single_tasks=14
    ),
    "gsm8k": Benchmark("openai/gsm8k/main/test", 1_319, 65, shot_tokens=180, generated=256),
    "winogrande": Benchmark("allenai/winogrande/winogrande_xl/validation", 1_267, 25, 2),
    "hellaswag": Benchmark("Rowan/hellaswag/validation", 10_042, 90, 4),
    "arc_easy": Benchmark("allenai/ai2_arc/ARC-Easy/test", 2_376, 35, 4),
    "piqa": Benchmark("baber/piqa/validation", 1_838, 35, 2),
    "truthfulqa_mc2": Benchmark("truthfulqa/truthful_qa/multiple_choice/validation", 817, 250, 7.2),
}
"""By the task's name in lm-eval."""


@dataclass(frozen=True)
class Work:
    """What a model has to do for a task."""

    scored_tokens: float
    """All tokens that are read in one go."""
    items: int
    generated: int = 0
    """Tokens by which each item is gone on with."""

    def steps(self, batch_size: int) -> int:
        """Passes of which each makes one token for each text of a batch."""
        return ceil(self.items / batch_size) * self.generated


def benchmark_of(task: Task) -> Benchmark | None:
    """What is known of a task; of a user's own nothing is, whatever its name."""
    return None if task.own else BENCHMARKS.get(task.lm_eval_task)


def work_of(task: Task, limit: int | None, sealed: Mapping[str, int], folder: str) -> Work | None:
    """The work of a task; None where nothing is known of it.

    `sealed` are the items of the bundle's files, `folder` the mirror that they come from, if any.
    """
    known = benchmark_of(task)
    if known is None:
        return None
    items = _items(known, sealed, folder)
    if limit is not None:
        items = min(items, limit * known.single_tasks)
    tokens = items * known.answers * (known.tokens + task.num_fewshot * known.shot_tokens)
    if not known.generated:
        return Work(tokens, items)
    most = task.generation.get("max_gen_toks")
    generated = min(known.generated, most) if isinstance(most, int) else known.generated
    return Work(tokens, items, generated)


def _items(known: Benchmark, sealed: Mapping[str, int], folder: str) -> int:
    """Those that are there; else as many as are published."""
    pattern = f"data/{known.data}.parquet"
    if found := [number for path, number in sealed.items() if Path(path).match(pattern)]:
        return sum(found)
    if folder and (files := [*filter(Path.is_file, Path(folder).glob(f"{known.data}.jsonl"))]):
        return sum(file.read_bytes().count(b"\n") for file in files)
    return known.items
