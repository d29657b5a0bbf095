"""A plan as a person reads it."""

from collections import Counter

from rich.console import Console
from rich.table import Table

from pipelines.plan.plan import (
    A100_FLOPS,
    BYTES_PER_PARAMETER,
    BYTES_PER_TOKEN,
    MFU,
    Plan,
    Training,
)
from pipelines.terminal import cells

UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))


def show_plan(plan: Plan, console: Console, *, each_step: bool) -> None:
    """Steps by job (or each one), trainings with their cost, and the store."""
    console.print(_each_step(plan) if each_step else _by_job(plan))
    console.print()
    console.print(_trainings(plan))
    console.print(
        f"FLOPs = 6 · N · tokens · epochs. A100-hours at {A100_FLOPS / 1e12:.0f} TFLOP/s and "
        f"{MFU:.0%} of it reached.\n"
    )
    there = sum(planned.manifest is not None for planned in plan.steps)
    console.print(
        f"store: {there} of {len(plan.steps)} steps have their artifact there, "
        f"{num_bytes(plan.bytes_there)}; to add: {num_bytes(plan.bytes_to_add)} of models "
        f"({BYTES_PER_PARAMETER} bytes a parameter) and rows ({BYTES_PER_TOKEN} a token)"
    )


def _by_job(plan: Plan) -> Table:
    table = _table("job", "steps", "there", "to do")
    steps = Counter(planned.step.job for planned in plan.steps)
    there = Counter(planned.step.job for planned in plan.steps if planned.manifest)
    for job, number in steps.items():
        table.add_row(*cells(job), str(number), str(there[job]), str(number - there[job]))
    table.add_row("all", str(steps.total()), str(there.total()), str((steps - there).total()))
    return table


def _each_step(plan: Plan) -> Table:
    table = _table("step", "artifact")
    table.columns[1].justify = "left"
    for planned in plan.steps:
        state = "conflict" if planned.conflict else "there" if planned.manifest else "to do"
        table.add_row(*cells(planned.step.name), state)
    return table


def _trainings(plan: Plan) -> Table:
    table = _table("family", "parameters", "tokens", "epochs", "FLOPs", "A100-hours", "")
    for training in plan.trainings:
        table.add_row(*cells(*_training_row(training)))
    return table


def _training_row(training: Training) -> tuple[str, ...]:
    flops, hours = training.flops, training.gpu_hours
    return (
        f"{training.family} {training.control}".strip(),
        count(training.num_parameters),
        count(training.num_tokens),
        str(training.epochs),
        "unknown" if flops is None else f"{flops:.3g}",
        "unknown" if hours is None else f"{hours:.3g}",
        "there" if training.is_done else "to do",
    )


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first, overflow="fold")
    for heading in others:
        table.add_column(heading, justify="right")
    return table


def count(number: int | None) -> str:
    """``1.92M``; three digits are enough for a plan."""
    if number is None:
        return "unknown"
    for size, unit in UNITS:
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


def num_bytes(number: int | None) -> str:
    """``16.3 MB``, in powers of ten."""
    return "unknown" if number is None else f"{count(number).replace('B', 'G')}B"
