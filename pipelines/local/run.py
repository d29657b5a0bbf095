"""One run from beginning to end: engine, processes and display put together."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from jobs.errors import PerennialError
from pipelines.local.display import Display, Ended
from pipelines.local.engine import Engine, Outcome
from pipelines.local.processes import ProcessRunner
from pipelines.local.workflow import WorkflowTemplate

TABLE_WIDTH = 160  # where no terminal says how wide it is


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

    outcome: Outcome
    exit_code: int
    """0; that of the first failed step; or 128 + the signal that stopped the run."""
    steps: tuple[Ended, ...]


def run_workflow(
    workflow: WorkflowTemplate,
    parameters: Mapping[str, str],
    work: Path,
    parallel: int | None = None,
    console: Console | None = None,
) -> Ran:
    """Runs a workflow with logs and scratch below `work`; prints events and a table.

    `parallel` is the number of processes at a time; default: one a core.
    """
    shown = console or plain_console()

    async def go() -> Ran:
        display = Display(shown)
        runner = ProcessRunner(work, parallel or os.cpu_count() or 1, display)
        engine = Engine(workflow, parameters, runner)
        with display:
            async with runner:
                outcome = await engine.run()
        shown.print(display.table())
        code = 128 + runner.stopped_by if runner.stopped_by else _exit_code(outcome)
        return Ran(outcome, code, tuple(display.ended_steps))

    try:
        return asyncio.run(go())
    except BaseExceptionGroup as group:
        raise _first_of_ours(group) or group from group


def plain_console() -> Console:
    """The terminal, or, where there is none, lines wide enough for any table."""
    console = Console()
    return console if console.is_terminal else Console(width=TABLE_WIDTH, soft_wrap=True)


def _exit_code(outcome: Outcome) -> int:
    if outcome.status == "Succeeded":
        return 0
    return outcome.exit_code or 1


def _first_of_ours(group: BaseExceptionGroup[BaseException]) -> PerennialError | None:
    """The engine's branches fail as a group; a person needs the one error."""
    for error in group.exceptions:
        if isinstance(error, PerennialError):
            return error
        if isinstance(error, BaseExceptionGroup) and (inner := _first_of_ours(error)):
            return inner
    return None
