"""A plan as a person reads it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.table import Table

from jobs.numbers import count, num_bytes, seconds, significant, span
from pipelines.plan import assumptions
from pipelines.plan.clock import ENOUGH
from pipelines.plan.memory import Memory
from pipelines.plan.plan import Plan
from pipelines.plan.planned import Planned
from pipelines.terminal import cells

UNKNOWN = "unknown"
UNKNOWN_SHARE = "+?"
Column = tuple[str, Callable[[Planned], float | None], Callable[[float], str]]
"""Heading, what a step has of it, and how that is written."""


def show_plan(plan: Plan, console: Console, *, each_step: bool, all_assumptions: bool) -> None:
    """Models, trainings, steps by job (or each one), and what all of it comes to."""
    console.print(_models(plan))
    console.print()
    console.print(_trainings(plan))
    console.print()
    if any(planned.cost.memory for planned in plan.steps):
        console.print(_memory(plan))
        console.print()
    console.print(_each_step(plan) if each_step else _by_job(plan))
    console.print()
    for line in _summary(plan):
        console.print(*cells(line), soft_wrap=True)
    if all_assumptions:
        console.print()
        console.print(_assumptions())


def _models(plan: Plan) -> Table:
    table = _table("model", "parameters", "known from", "weights")
    for model, facts in plan.models.items():
        size = facts.weight_bytes
        if size is None and facts.parameters is not None:
            size = round(facts.parameters * assumptions.BYTES_PER_PARAMETER)
        known = _told(facts.parameters, count), facts.known_from or "", _told(size, num_bytes)
        table.add_row(*cells(model.label, *known))
    return table


def _trainings(plan: Plan) -> Table:
    table = _table("training", "tokens", "epochs", "FLOPs", "GPU-hours", "")
    for planned in plan.steps:
        if planned.step.job != "train":
            continue
        table.add_row(
            *cells(
                _training(planned),
                _told(planned.cost.tokens, count),
                str(planned.cost.epochs),
                _told(planned.cost.flops, "{:.3g}".format),
                _told(planned.cost.gpu_hours, significant),
                _state(planned),
            )
        )
    return table


def _memory(plan: Plan) -> Table:
    """Of each GPU, the least that a training needs."""
    table = _table("a GPU holds", *Memory._fields, "in all")
    for planned in plan.steps:
        if memory := planned.cost.memory:
            parts = [_told(part, num_bytes) for part in memory]
            table.add_row(*cells(_training(planned), *parts, num_bytes(memory.all)))
    return table


def _training(planned: Planned) -> str:
    """The family, and of a control its name: ``llama``, ``llama/s1``."""
    *control, _ = planned.step.name.split("/")[2:]
    return "/".join([planned.family or "", *control[1:]])


def _columns(plan: Plan) -> list[Column]:
    found: list[Column] = [
        ("time", lambda planned: planned.cost.seconds, span),
        ("GPU-hours", lambda planned: planned.cost.gpu_hours, significant),
        ("fetch", lambda planned: planned.cost.fetched_bytes, num_bytes),
        ("store", lambda planned: planned.cost.stored_bytes, num_bytes),
        ("scratch", lambda planned: planned.cost.scratch_bytes, num_bytes),
    ]
    if prices := plan.prices:
        found.append(
            (prices.currency, lambda planned: planned.cost.money(prices), "{:,.2f}".format)
        )
    return found


def _by_job(plan: Plan) -> Table:
    """Sums over what is to do; of scratch, which each step has for itself, the largest."""
    columns = _columns(plan)
    table = _table("job", "there", "to do", *(heading for heading, _, _ in columns))
    steps = Counter(planned.step.job for planned in plan.steps)
    to_do = Counter(planned.step.job for planned in plan.to_do)
    for job in [*steps, None]:
        all_steps, open_steps = (
            (steps.total(), to_do.total()) if job is None else (steps[job], to_do[job])
        )
        mine = [planned for planned in plan.to_do if job in (None, planned.step.job)]
        table.add_row(
            *cells(
                job or "all",
                str(all_steps - open_steps),
                str(open_steps),
                *(_sum(column, mine) for column in columns),
            ),
            style="bold" if job is None else "",
        )
    return table


def _sum(column: Column, steps: Sequence[Planned]) -> str:
    """What is known, with ``+?`` where some of it is not; nothing where it is nothing."""
    heading, amount, written = column
    found = [amount(planned) for planned in steps]
    known = [one for one in found if one is not None]
    total = max(known, default=0) if heading == "scratch" else sum(known)
    return (written(total) if total else "") + (UNKNOWN_SHARE if len(known) < len(found) else "")


def _each_step(plan: Plan) -> Table:
    columns = _columns(plan)
    table = _table("step", "artifact", *(heading for heading, _, _ in columns))
    for planned in plan.steps:
        known = [_sum(column, [planned]).strip() for column in columns]
        table.add_row(*cells(planned.step.name, _state(planned), *known))
    return table


def _summary(plan: Plan) -> Iterator[str]:
    """What stands below the tables, a line each."""
    room = [f"{plan.room.slots} {'processes' if plan.room.by_process else 'pods'}"]
    if plan.room.gpus != ENOUGH:
        room.append(f"{plan.room.gpus} GPU{'s' * (plan.room.gpus != 1)}")
    lacking = [planned.cost.lacks for planned in plan.to_do if planned.cost.lacks]
    share = f" {UNKNOWN_SHARE}" if lacking else ""
    yield (
        f"by the clock: {seconds(plan.clock_seconds)}{share}, as the steps follow each other, at "
        f"most {' and '.join(room)} at a time"
    )
    if lacking:
        names = ", ".join(dict.fromkeys(lacking))
        yield f"+? and {len(lacking)} steps of which something is unknown: {names}"
    there = len(plan.steps) - len(plan.to_do)
    yield (
        f"store: {there} of {len(plan.steps)} steps have their artifact there, "
        f"{num_bytes(plan.bytes_there)}"
    )
    yield (
        f"assumed: {assumptions.GPU_FLOPS / 1e12:.0f} TFLOP/s a GPU, {assumptions.MFU:.0%} of it "
        f"in training (6 · N · tokens · epochs), {assumptions.SCORING_MFU:.0%} in scoring; "
        "all with --assumptions"
    )


def _assumptions() -> Table:
    table = _table("assumed", "value", "unit", "because")
    for column in table.columns[2:]:
        column.justify, column.no_wrap = "left", False
    for name, value in assumptions.ALL.items():
        words = name.lower().replace("_", " ")
        table.add_row(*cells(words, f"{value:,.4g}", value.unit, value.why))
    return table


def _state(planned: Planned) -> str:
    return "conflict" if planned.conflict else "there" if planned.manifest else "to do"


def _told(amount: float | None, written: Callable[[float], str]) -> str:
    return UNKNOWN if amount is None else written(amount)


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    table.add_column(first, overflow="fold", min_width=8)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
