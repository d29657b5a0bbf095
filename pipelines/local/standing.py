"""How far steps are, in words and as a table: for a run on its way and for `perennial status`."""

import time
from collections.abc import Iterable
from pathlib import Path

from rich.table import Table
from rich.text import Text

from jobs import numbers
from jobs.command.progress import Report
from pipelines.local.record import GOING_ON, StepRecord
from pipelines.terminal import cells

STYLES = {"Succeeded": "green", "cached": "cyan", "Failed": "red", "Error": "red"}


def progress(file: Path) -> str:
    """What a step tells of itself in Argo's progress file: share, counts, rate, time left, facts.

    "" where it tells nothing.
    """
    report = Report.read(file)
    if report is None:
        return ""
    said = [f"{100 * report.done // report.total} %", _counts(report)]
    if report.per_second:
        said.append(f"{_amount(report.per_second, report.unit)}/s")
    if report.seconds_left is not None and report.done < report.total:
        said.append(f"{numbers.seconds(report.seconds_left)} left")
    return " · ".join([*said, *(f"{name} {value}" for name, value in report.facts.items())])


def _counts(report: Report) -> str:
    done, total = (_amount(number, report.unit) for number in (report.done, report.total))
    return f"{done} of {total}" + (f" {report.unit}" if report.unit not in ("", "bytes") else "")


def _amount(number: float, unit: str) -> str:
    return numbers.num_bytes(number) if unit == "bytes" else numbers.significant(number)


def table(steps: Iterable[StepRecord]) -> Table:
    """Every step: status, attempts, seconds."""
    made = Table(box=None, pad_edge=False)
    made.add_column("step")
    made.add_column("status")
    made.add_column("attempts", justify="right")
    made.add_column("time", justify="right")
    for step in steps:
        code = f" ({step.exit_code})" if step.exit_code else ""
        status = Text(step.status + code, STYLES.get(step.status, "yellow"))
        seconds = numbers.seconds(took(step))
        made.add_row(*cells(step.name), status, str(step.attempts), seconds)
    return made


def took(step: StepRecord) -> float:
    """Seconds since it began, to its end or to now."""
    if step.status in GOING_ON and step.begun:
        return max(0.0, time.time() - step.begun)
    return step.seconds
