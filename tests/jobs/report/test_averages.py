"""Averages against the paper's tables, which were computed by others."""

import math

import pytest

from jobs.report.evidence.averages import Column, Score, average, averages, score
from jobs.report.evidence.paper_numbers import PRINTED, beside, table
from jobs.suites import load_suite

COLUMNS = [
    Column(task=task.name, **column.model_dump())
    for task in load_suite("paper").tasks
    for column in task.columns
]
NAMES = {"Sub-Average-1": "instruction", "Sub-Average-2": "reasoning", "Average": "average"}
EXCEPTION = ("table3", "Q2b+2.5Qr", "reasoning")
"""Printed 65.48; the mean of its numbers is 65.44."""


def printed_averages() -> list[tuple[str, str, str, float]]:
    return [
        (name, model, NAMES[row["benchmark"].removeprefix(PRINTED)], float(value))
        for name in ("table2", "table3", "table4")
        for row in table(name)[1]
        for model, value in row.items()
        if model not in ("benchmark", "metric")
    ]


def computed(name: str, model: str) -> dict[str, Score]:
    rows, _ = table(name)
    values = [Score(float(row[model]), 0.0) for row in rows]
    return averages(COLUMNS, dict(zip(COLUMNS, values, strict=True)))


def test_all_tables_are_there() -> None:
    assert len(printed_averages()) == 3 * 11 + 3 * 12 + 3
    assert [len(table(name)[0]) for name in ("table2", "table3", "table4")] == [16, 16, 16]


def test_columns_of_the_suite_are_the_rows_of_the_tables_in_order() -> None:
    rows, _ = table("table2")
    assert [(c.benchmark, c.label) for c in COLUMNS] == [
        (row["benchmark"], row["metric"]) for row in rows
    ]


@pytest.mark.parametrize(("name", "model", "which", "printed"), printed_averages())
def test_printed_averages(name: str, model: str, which: str, printed: float) -> None:
    value = computed(name, model)[which].value
    if (name, model, which) == EXCEPTION:
        assert round(value, 2) == 65.44
    else:
        assert value == pytest.approx(printed, abs=0.01)


def test_columns_of_a_task_move_together_and_tasks_do_not() -> None:
    columns = [
        Column(task=task, metric=metric, label=metric, benchmark=task)
        for task, metric in (("a", "x"), ("a", "y"), ("b", "x"))
    ]
    scores = dict(zip(columns, [Score(10, 1.5), Score(20, 1.5), Score(60, 4)], strict=True))
    assert average(columns, scores) == Score(30.0, math.sqrt(3**2 + 4**2) / 3)
    assert average(columns[:2], scores) == Score(15.0, 1.5)
    assert average(columns, {columns[2]: scores[columns[2]]}) == Score(60, 4)
    assert average(columns, {}) is None


def test_a_missing_error_is_the_binomial_one() -> None:
    assert score(0.5, None, 100) == Score(50.0, 5.0)
    assert score(0.5, 0.02, 100) == Score(50.0, 2.0)
    assert score(0.0, math.nan, 100) == Score(0.0, 0.0)


def test_the_paper_stands_beside_its_own_families_only() -> None:
    shown = beside("paper", "llama-3-8b", COLUMNS)
    assert [model.name for model in shown] == [
        "base", "instruct", "residual 100M", "residual 500M", "residual 1B",
    ]  # fmt: skip
    wholes = [averages(COLUMNS, model.scores)["average"].value for model in shown]
    assert [round(value, 2) for value in wholes] == [51.64, 62.94, 63.07, 63.34, 63.12]
    assert beside("paper", "pico", COLUMNS) == []
    assert beside("demo", "llama-3-8b", COLUMNS[:8]) == []
