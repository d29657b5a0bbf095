"""The record of a run: what `perennial status` reads while it goes on, and after its end.

The engine alone writes it, whole, at every event. Whether a run without an end goes on or was
killed is not in it: that is whether somebody holds the run's lock.
"""

import contextlib
import os
import socket
import time
from collections.abc import Iterable
from typing import Literal

from jobs.records import Record
from pipelines.local.engine import Outcome
from pipelines.local.folder import RunFolder

Status = Literal[
    "waiting", "running", "retrying", "cached", "Succeeded", "Failed", "Error", "Stopped"
]
"""With a capital as in Argo, and of a step that has ended; ``cached`` is a success that found its
artifact there."""
GOING_ON = ("running", "retrying")
FAILED = ("Failed", "Error")


class StepRecord(Record):
    """One step."""

    name: str
    status: Status = "waiting"
    attempts: int = 0
    """That were begun."""
    exit_code: int = 0
    begun: float | None = None
    """When the first attempt began, in seconds since 1970."""
    seconds: float = 0.0
    """From there to the end of the last one."""
    error: str = ""
    """Of the last attempt that failed, in the job's own words."""


class RunRecord(Record):
    """One run, from the moment that it holds its folder."""

    schema_version: Literal[1] = 1
    run: str
    store: str
    command: str
    """That continues it, for a shell; empty where it was started by no command."""
    host: str
    process: int
    begun: float
    ended: float | None = None
    exit_code: int | None = None
    steps: tuple[StepRecord, ...]


class Recorder:
    """Keeps a run's record as its engine tells it what happens."""

    def __init__(self, folder: RunFolder, run: RunRecord) -> None:
        """`run` has all steps of the workflow, waiting."""
        self._folder, self._run = folder, run
        self._steps = {step.name: step for step in run.steps}
        self._since: dict[str, float] = {}
        """When a step's first attempt began, by the monotonic clock."""
        self._ended: list[str] = []
        self._write()

    @property
    def run(self) -> RunRecord:
        return self._run.model_copy(update={"steps": tuple(self._steps.values())})

    @property
    def ended_steps(self) -> tuple[StepRecord, ...]:
        """Those that were begun and have ended, in the order of their ends."""
        return tuple(self._steps[name] for name in self._ended)

    def attempts(self, name: str) -> int:
        """At a step that were begun."""
        return self._steps[name].attempts

    def begun(self, name: str, attempt: int) -> StepRecord:
        """An attempt begins."""
        self._since.setdefault(name, time.monotonic())
        begun = self._steps[name].begun or time.time()
        return self._change(name, status="running", attempts=attempt, begun=begun)

    def failed(self, name: str, outcome: Outcome, error: str) -> StepRecord:
        """An attempt failed, and another one is to come."""
        return self._change(name, status="retrying", exit_code=outcome.exit_code, error=error)

    def ended(self, name: str, outcome: Outcome, error: str) -> StepRecord:
        """The last attempt has ended, or the step was stopped before the first one."""
        if name not in self._since:
            return self._steps[name]
        self._ended.append(name)
        return self._change(
            name,
            status="cached" if outcome.cached else outcome.status,
            exit_code=outcome.exit_code,
            seconds=time.monotonic() - self._since[name],
            error=error,
        )

    def run_ended(self, exit_code: int) -> RunRecord:
        """The whole run has ended."""
        self._run = self._run.model_copy(update={"ended": time.time(), "exit_code": exit_code})
        self._write()
        return self.run

    def _change(self, name: str, **changes: object) -> StepRecord:
        self._steps[name] = self._steps[name].model_copy(update=changes)
        self._write()
        return self._steps[name]

    def _write(self) -> None:
        """Whole or not at all. A full disk is no reason to end a run."""
        new = self._folder.record.with_suffix(".new")
        with contextlib.suppress(OSError):
            new.write_text(self.run.model_dump_json(indent=1), encoding="utf-8")
            new.replace(self._folder.record)


def new_run(run: str, store: str, command: str, steps: Iterable[str]) -> RunRecord:
    """The record of a run that begins now, in this process."""
    return RunRecord(
        run=run,
        store=store,
        command=command,
        host=socket.gethostname(),
        process=os.getpid(),
        begun=time.time(),
        steps=tuple(StepRecord(name=name) for name in steps),
    )
