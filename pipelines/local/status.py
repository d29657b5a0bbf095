"""`perennial status`: how a run stands."""

import time

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jobs import numbers
from jobs.words import one_line
from pipelines.local.finding import Found
from pipelines.local.record import FAILED, GOING_ON, RunRecord, StepRecord
from pipelines.local.standing import STYLES, progress, took
from pipelines.terminal import cells


def show_status(found: Found, console: Console) -> None:
    """The run, each step with its state, and what to do next."""
    run, running = found.record, found.is_running()

    def say(text: str) -> None:
        console.print(Text(one_line(text)), soft_wrap=True)

    say(f"run {run.run}: {_state(run, running=running)}")
    say(f"store {run.store}")
    say(f"logs {found.folder.logs}")
    say("")
    console.print(_steps(found, running=running))
    for step in run.steps:
        if step.error and step.status in (*FAILED, "retrying"):
            say(f"{step.name}: {step.error}")
    if not running and run.exit_code != 0 and run.command:
        say(f"the same command continues it: {run.command}")


def _state(run: RunRecord, *, running: bool) -> str:
    began = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(run.begun))
    done = sum(step.status in ("Succeeded", "cached") for step in run.steps)
    steps = f"{done} of {len(run.steps)} steps done"
    if running:
        after = numbers.seconds(max(0.0, time.time() - run.begun))
        return f"running since {began} ({after}), process {run.process} on {run.host}; {steps}"
    if run.ended is None:
        return f"interrupted (process {run.process} on {run.host} is gone), begun {began}; {steps}"
    after = numbers.seconds(max(0.0, run.ended - run.begun))
    return f"ended with {run.exit_code} after {after}, begun {began}; {steps}"


def _steps(found: Found, *, running: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("step", "status", "attempts", "time", ""):
        table.add_column(heading, justify="right" if heading in ("attempts", "time") else "left")
    for step in found.record.steps:
        table.add_row(*_row(found, step, running=running))
    return table


def _row(found: Found, step: StepRecord, *, running: bool) -> tuple[Text, ...]:
    going = step.status in GOING_ON
    status = step.status if running or not going else "interrupted"
    code = f" ({step.exit_code})" if step.exit_code and not going else ""
    seconds = took(step) if running or not going else 0.0
    told = progress(found.folder.progress(step.name)) if going else ""
    begun = numbers.seconds(seconds) if seconds else ""
    name, attempts, time_taken, far = cells(step.name, str(step.attempts or ""), begun, told)
    return name, Text(status + code, STYLES.get(status, "")), attempts, time_taken, far
