"""One run from beginning to end: engine, processes and display put together."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from jobs.errors import BadInputError
from pipelines.local.display import Display, Ended
from pipelines.local.engine import Engine, Runner
from pipelines.local.processes import ProcessRunner
from pipelines.local.workflow import WorkflowTemplate
from pipelines.terminal import plain_console


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

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
    Raises BadInputError where `work` is no folder to write into.
    """
    shown = console or plain_console()

    async def go() -> Ran:
        await Engine(workflow, parameters, Runner()).run()  # refuses before the first step
        _make_folder(work)
        display = Display(shown)
        runner = ProcessRunner(work, parallel or os.cpu_count() or 1, display)
        with display:
            async with runner:
                outcome = await Engine(workflow, parameters, runner).run()
        shown.print(display.table())
        code = 0 if outcome.status == "Succeeded" else outcome.exit_code or 1
        if runner.stopped_by:
            code = 128 + runner.stopped_by
        return Ran(code, tuple(display.ended_steps))

    return asyncio.run(go())


def _make_folder(work: Path) -> None:
    try:
        (work / "logs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(
            f"no logs can be written below {work}: {error.strerror}; choose another --work"
        ) from error
