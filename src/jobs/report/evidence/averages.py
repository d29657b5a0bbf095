"""Scores and their averages: the paper's table, each column counted once.

Values and standard errors are in points, 0 to 100. A column is one metric of one task.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.records import Record

GROUPS = {"instruction": "Instruction following", "reasoning": "Reasoning"}
"""The groups that have an average of their own; other columns count only in the whole."""
TITLES = {**GROUPS, "average": "Average"}
"""The names of all averages."""


class Column(Record):
    """One column of the paper's tables: a metric of a task."""

    task: str
    metric: str
    label: str
    benchmark: str
    group: str | None = None


@dataclass(frozen=True)
class Score:
    """A value and its standard error."""

    value: float
    stderr: float


Scores = Mapping[Column, Score]


def score(value: float, stderr: float | None, num_items: int) -> Score:
    """A score in points from a share (0 to 1) and what is known of its error.

    lm-eval gives none for some metrics (IFEval's by instruction); the binomial error over the
    items stands in, which is no smaller than the true one where an item holds several trials.
    """
    if stderr is None or not math.isfinite(stderr):
        stderr = math.sqrt(max(0.0, value * (1 - value)) / max(1, num_items))
    return Score(100 * value, 100 * stderr)


def average(columns: Sequence[Column], scores: Scores) -> Score | None:
    """The mean over those of `columns` that have a score, or None where none has.

    Its standard error takes tasks as independent and the columns of one task, which score the
    same answers, as moving together: sqrt(Σ_task (Σ_column stderr)²) / columns.
    """
    there = [column for column in columns if column in scores]
    if not there:
        return None
    by_task: dict[str, float] = {}
    for column in there:
        by_task[column.task] = by_task.get(column.task, 0.0) + scores[column].stderr
    mean = math.fsum(scores[column].value for column in there) / len(there)
    return Score(mean, math.hypot(*by_task.values()) / len(there))


def averages(columns: Sequence[Column], scores: Scores) -> dict[str, Score]:
    """The average of each group, and ``average`` over all columns; without those not scored."""
    parts = {group: [c for c in columns if c.group == group] for group in GROUPS}
    found = {name: average(part, scores) for name, part in {**parts, "average": columns}.items()}
    return {name: value for name, value in found.items() if value is not None}
