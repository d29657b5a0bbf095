"""Runs the steps as child processes: one process group, one log and one folder of outputs each.

A step counts as succeeded only if its process exited with 0 *and* left every output that the
workflow declares. On SIGTERM, SIGINT or SIGHUP (its terminal was closed) the engine passes SIGTERM
to its children, waits for them to save what they have, for as long as each step's pod would be
granted, and starts nothing new.
Whatever a step leaves behind, and all that runs when the engine itself is killed, is killed by its
mark (`pipelines.local.reaper`).
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import uuid

from jobs.command.running import OUTPUTS
from jobs.errors import EXIT_BAD_INPUT, FULL_DISK, MAKE_ROOM
from jobs.libraries import cause
from pipelines.local import reaper
from pipelines.local.children import Child
from pipelines.local.display import Display
from pipelines.local.engine import Outcome, Runner, Step
from pipelines.local.folder import RunFolder
from pipelines.local.last_words import tail, why
from pipelines.local.outputs import ended_well
from pipelines.local.record import Recorder
from pipelines.local.slots import Slots

NOT_HERE = ("PERENNIAL_IMAGE",)  # a step that ran in no image must not claim one
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MOST_PROCESSES_DIGITS = 6


class ProcessRunner(Runner):
    """Runs steps as processes, at most `parallel` slots at a time; an async context."""

    def __init__(
        self, folder: RunFolder, lock: int, parallel: int, recorder: Recorder, display: Display
    ) -> None:
        """`lock` is the descriptor that holds the folder."""
        self._folder, self._lock = folder, lock
        self._recorder, self._display = recorder, display
        self._slots = Slots(parallel)
        self._mark = f"{uuid.uuid4().hex}/"
        self._num_started = 0
        self._children: list[Child] = []
        self._stopped = asyncio.Event()
        self.stopped_by: int | None = None

    async def __aenter__(self) -> "ProcessRunner":
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN or number != signal.SIGHUP:  # nohup
                loop.add_signal_handler(number, self._stop, number)
        self._reaper = subprocess.Popen(
            [sys.executable, "-SE", str(reaper.__file__), self._mark],
            stdin=subprocess.PIPE,
            pass_fds=[self._lock],
            start_new_session=True,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reaper.communicate(reaper.ENDS_WELL)

    async def run(self, step: Step, attempt: int) -> Outcome:
        processes = _num_processes(step)
        slots = min(processes, self._slots.number)
        async with self._slots.taken(slots):
            if self.stopped_by:
                return Outcome("Stopped", message="not begun")
            self._display.begun(self._recorder.begun(step.name, attempt))
            cores = (os.cpu_count() or 1) * slots // self._slots.number
            threads = max(1, cores // processes)
            try:
                return await self._run_process(step, attempt, threads)
            except OSError as error:  # other branches go on
                message = f"no log or scratch can be written: {cause(error)}"
                if error.errno in FULL_DISK:
                    return Outcome("Failed", EXIT_BAD_INPUT, message=f"{message}; {MAKE_ROOM}")
                return Outcome("Error", message=message)

    async def pause(self, step: Step, outcome: Outcome, seconds: float) -> None:
        attempt = self._recorder.attempts(step.name)
        error = why(outcome.message, tail(self._folder.log(step.name, attempt)))
        record = self._recorder.failed(step.name, outcome, error)
        if not self.stopped_by:
            self._display.retried(record, seconds)
            try:
                await asyncio.wait_for(self._stopped.wait(), seconds)
            except TimeoutError:
                return

    def ended(self, step: Step, outcome: Outcome) -> None:
        log = self._folder.log(step.name, self._recorder.attempts(step.name))
        lines = tail(log) if outcome.status in ("Failed", "Error") else []
        error = why(outcome.message, lines) if outcome.status != "Succeeded" else ""
        record = self._recorder.ended(step.name, outcome, error)
        if record.attempts:
            self._display.ended(record, log, lines)

    async def _run_process(self, step: Step, attempt: int, threads: int) -> Outcome:
        log, scratch = self._folder.log(step.name, attempt), self._folder.scratch(step.name)
        if attempt == 1:
            shutil.rmtree(log.parent, ignore_errors=True)  # of an earlier run's attempts
        log.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(scratch, ignore_errors=True)
        (scratch / "outputs").mkdir(parents=True)
        self._num_started += 1
        mark = f"{self._mark}{self._num_started}/"
        program = sys.executable if step.argv[0] == "python" else step.argv[0]
        environment = self._environment(step, threads)
        with log.open("wb") as output:
            try:
                child = Child(step, [program, *step.argv[1:]], environment, mark, output)
            except OSError as error:
                message = f"{program} cannot be started: {cause(error)}"
                if isinstance(error, FileNotFoundError):  # as a pod ends then, and is not retried
                    return Outcome("Failed", EXIT_BAD_INPUT, message=message)
                return Outcome("Error", 127, message=message)
        self._children.append(child)
        try:
            code, message = await child.wait()
        finally:
            self._children.remove(child)
        if code and self.stopped_by:
            return Outcome("Stopped", code, message="stopped")
        if code:
            return Outcome("Failed", code, message=message)
        return ended_well(step, scratch / "outputs")

    def _environment(self, step: Step, threads: int) -> dict[str, str]:
        own = {name: value for name, value in step.environment.items() if name not in NOT_HERE}
        return {
            "OMP_NUM_THREADS": str(threads),
            **os.environ,
            **own,
            OUTPUTS: str(self._folder.scratch(step.name) / "outputs"),
            "ARGO_PROGRESS_FILE": str(self._folder.progress(step.name)),
            "PYTHONUNBUFFERED": "1",
            "PYTHONSAFEPATH": "1",  # a torch.py in the folder a run is started from is no module
        }

    def _stop(self, number: int) -> None:
        """Ends all children; a second signal kills them."""
        if self.stopped_by:
            reaper.kill_marked(self._mark)
            return
        self.stopped_by = number
        self._stopped.set()
        longest = max((child.step.grace_seconds for child in self._children), default=0)
        self._display.stopping(number, longest)
        for child in self._children:
            child.end()


def _num_processes(step: Step) -> int:
    """How many processes the step says that it starts (``--processes``)."""
    given = step.inputs.get("processes", "")
    sensible = given.isdecimal() and len(given) <= MOST_PROCESSES_DIGITS
    return max(1, int(given)) if sensible else 1
