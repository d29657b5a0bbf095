"""The paper's own scores, to stand beside a run of the same family.

Facts from tables 2 and 3 of "Balancing Continuous Pre-Training and Instruction Fine-Tuning"
(arXiv 2410.10739), as in the CSV files of the folder ``paper``. Rows that begin with
``printed:`` are its averages as printed, kept for the tests.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from jobs.report.evidence.averages import Column, Score

PRINTED = "printed:"
NUM_COLUMNS = 16

# family → (table, its column, what it is)
_SHOWN = {
    "llama-3-8b": (
        ("table2", "L3b", "base"),
        ("table2", "L3i", "instruct"),
        ("table2", "L3b+3Lr 100M", "residual 100M"),
        ("table2", "L3b+3Lr 500M", "residual 500M"),
        ("table2", "L3b+3Lr 1B", "residual 1B"),
    ),
    "llama-3.1-8b": (("table3", "L3.1b", "base"), ("table3", "L3.1i", "instruct")),
    "qwen2-1.5b": (("table3", "Q2b", "base"), ("table3", "Q2i", "instruct")),
    "qwen2.5-1.5b": (("table3", "Q2.5b", "base"), ("table3", "Q2.5i", "instruct")),
}


@dataclass(frozen=True)
class PaperModel:
    """One column of a table of the paper."""

    name: str
    scores: dict[Column, Score]


def table(name: str) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """(scores, printed averages) of one table, a dictionary a row."""
    text = (
        resources.files("jobs.report.evidence").joinpath("paper", f"{name}.csv").read_text("utf-8")
    )
    rows = list(csv.DictReader(text.splitlines()))
    printed = [row for row in rows if row["benchmark"].startswith(PRINTED)]
    return [row for row in rows if row not in printed], printed


def beside(suite: str, family: str, columns: Sequence[Column]) -> list[PaperModel]:
    """The paper's models to show: none unless this is its suite and one of its families."""
    if suite != "paper" or len(columns) != NUM_COLUMNS:
        return []
    shown = []
    for name, column, label in _SHOWN.get(family.lower(), ()):
        scores, _ = table(name)
        values = (Score(float(row[column]), 0.0) for row in scores)
        shown.append(PaperModel(label, dict(zip(columns, values, strict=True))))
    return shown
