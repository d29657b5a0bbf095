"""One run from beginning to end: folder, engine, processes, record and display put together."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass

from rich.console import Console

from pipelines.local.display import Display
from pipelines.local.engine import Engine, Outcome, Runner, Step
from pipelines.local.folder import RunFolder
from pipelines.local.processes import ProcessRunner
from pipelines.local.record import Recorder, StepRecord, new_run
from pipelines.local.workflow import WorkflowTemplate
from pipelines.terminal import plain_console


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

    exit_code: int
    """0; that of the first failed step; or 128 + the signal that stopped the run."""
    steps: tuple[StepRecord, ...]
    """Those that were begun, in the order of their ends."""


class _Names(Runner):
    """Runs nothing, and notes what would be run."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def ended(self, step: Step, outcome: Outcome) -> None:  # noqa: ARG002 - a Runner's
        self.found.append(step.name)


def run_workflow(
    workflow: WorkflowTemplate,
    parameters: Mapping[str, str],
    folder: RunFolder,
    parallel: int | None = None,
    console: Console | None = None,
    command: str = "",
) -> Ran:
    """Runs a workflow with logs, scratch and record in `folder`; prints events and a table.

    `parallel` is the number of processes at a time; default: one a core. `command` continues the
    run, for a shell.
    Raises BadInputError where `folder` takes no files, TransientError where another run holds it.
    """

    async def go(lock: int) -> Ran:
        run = new_run(parameters.get("run", ""), parameters.get("store", ""), command, names.found)
        recorder = Recorder(folder, run)
        display = Display(shown, folder, run)
        runner = ProcessRunner(folder, lock, parallel or os.cpu_count() or 1, recorder, display)
        with display:
            async with runner, _beside(display.tell_progress()):
                outcome = await Engine(workflow, parameters, runner).run()
        code = 0 if outcome.status == "Succeeded" else outcome.exit_code or 1
        if code and runner.stopped_by:  # else it came when all was done
            code = 128 + runner.stopped_by
        display.all_ended(recorder.run_ended(code), recorder.ended_steps)
        return Ran(code, recorder.ended_steps)

    names, shown = _Names(), console or plain_console()
    asyncio.run(Engine(workflow, parameters, names).run())  # refuses before the first step
    with folder.held() as lock:
        return asyncio.run(go(lock))


@contextlib.asynccontextmanager
async def _beside(coroutine: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Runs it while the block runs, and no longer."""
    task = asyncio.ensure_future(coroutine)
    try:
        yield
    finally:
        task.cancel()
