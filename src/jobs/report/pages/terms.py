"""What the names of benchmarks and metrics stand for: said beside the tables, with a source.

A suite may have others; those are shown as they are.
"""

from collections.abc import Iterable
from typing import NamedTuple

from jobs.report.evidence.averages import Column

ARXIV = "https://arxiv.org/abs/"


class Benchmark(NamedTuple):
    """One benchmark: what is asked, and the paper that defines it."""

    asks: str
    arxiv: str

    @property
    def url(self) -> str:
        return ARXIV + self.arxiv


BENCHMARKS = {
    "IFEval": Benchmark("instructions whose following a program can check", "2311.07911"),
    "MMLU": Benchmark("multiple choice from 57 subjects", "2009.03300"),
    "MMLU-Pro": Benchmark(
        "harder multiple choice, up to ten answers, with reasoning", "2406.01574"
    ),
    "GSM8K": Benchmark("word problems of school mathematics", "2110.14168"),
    "Winogrande": Benchmark("which noun a pronoun stands for", "1907.10641"),
    "Hellaswag": Benchmark("how a description goes on", "1905.07830"),
    "ARC_easy": Benchmark("science questions of school, the easier part", "1803.05457"),
    "Piqa": Benchmark("how to do an everyday thing", "1911.11641"),
    "TruthfulQA_mc2": Benchmark("questions that people answer falsely", "2109.07958"),
}

METRICS = {
    "ILL_acc": "share of instructions followed, loosely checked (instruction level, loose)",
    "ILS_acc": "share of instructions followed, strictly checked (instruction level, strict)",
    "PLL_acc": "share of prompts with all instructions followed, loosely (prompt level, loose)",
    "PLS_acc": "share of prompts with all instructions followed, strictly (prompt level, strict)",
    "acc": "share of right answers",
    "acc_n": "share of right answers, the likelihood of each divided by its length",
    "EM": "share of answers that match exactly, wherever they stand in the text",
    "strict-EM": "share of answers that match exactly, in the form that was asked for",
}


def benchmark_url(name: str) -> str | None:
    """Where a benchmark is defined, or None where that is not known."""
    return BENCHMARKS[name].url if name in BENCHMARKS else None


def terms_of(columns: Iterable[Column]) -> list[tuple[str, str, str | None]]:
    """(name, what it is, address) of each benchmark and each metric of these columns."""
    there = list(columns)
    named = dict.fromkeys(column.benchmark for column in there)
    labels = dict.fromkeys(column.label for column in there)
    return [
        *((n, BENCHMARKS[n].asks, BENCHMARKS[n].url) for n in named if n in BENCHMARKS),
        *((label, METRICS[label], None) for label in labels if label in METRICS),
    ]
