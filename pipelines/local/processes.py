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
import stat
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from jobs.command.running import ALREADY_DONE, OUTPUTS
from jobs.words import invisible
from pipelines.local import reaper
from pipelines.local.display import Display
from pipelines.local.engine import Outcome, Runner, Step

NOT_HERE = ("PERENNIAL_IMAGE",)  # a step that ran in no image must not claim one

MAX_OUTPUT_BYTES = 2**16
"""Of an output parameter; Argo keeps all of a workflow's in one object of the cluster."""


class Slots:
    """Shares the processor cores: a step takes as many slots as it starts processes.

    First come, first served, so a step that needs all slots is not starved by small ones.
    """

    def __init__(self, number: int) -> None:
        self.number, self._free = number, number
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def taken(self, number: int) -> AsyncIterator[None]:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((number, turn))
        self._hand_out()
        await turn
        try:
            yield
        finally:
            self._free += number
            self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            number, turn = self._waiting.pop(0)
            self._free -= number
            turn.set_result(None)


@dataclass(frozen=True)
class _Child:
    """The process of a step."""

    process: asyncio.subprocess.Process
    step: Step
    mark: str

    def end(self) -> None:
        """SIGTERM, so that it can save; after the grace, SIGKILL to it and all that it started."""
        if self.process.returncode is None:
            self.process.terminate()
            loop = asyncio.get_running_loop()
            loop.call_later(self.step.grace_seconds, reaper.kill_marked, self.mark)

    async def wait(self) -> tuple[int, str]:
        """Exit code as a shell would show it (128 + signal), and what there is to say about it."""
        seconds = self.step.deadline_seconds
        try:
            code = await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            self.end()
            await self.process.wait()
            return 128 + signal.SIGTERM, f"took longer than {seconds} s"
        if code < 0:
            return 128 - code, f"killed by {signal.Signals(-code).name}"
        return code, f"exit code {code}" if code else ""


class ProcessRunner(Runner):
    """Runs steps as processes, at most `parallel` slots at a time; an async context."""

    def __init__(self, work: Path, parallel: int, display: Display) -> None:
        self._work, self._display = work, display
        self._slots = Slots(parallel)
        self._mark = f"{uuid.uuid4().hex}/"
        self._num_started = 0
        self._children: list[_Child] = []
        self._stopped = asyncio.Event()
        self.stopped_by: int | None = None

    async def __aenter__(self) -> "ProcessRunner":
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN or number != signal.SIGHUP:  # nohup
                loop.add_signal_handler(number, self._stop, number)
        self._reaper = subprocess.Popen(
            [sys.executable, "-SE", str(reaper.__file__), self._mark],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._reaper.stdin
        self._reaper.stdin.close()
        self._reaper.wait()

    def log(self, step: Step, attempt: int) -> Path:
        """The log of an attempt."""
        again = f".{attempt}" if attempt > 1 else ""
        return self._work / "logs" / f"{step.name}{again}.log"

    async def run(self, step: Step, attempt: int) -> Outcome:
        processes = _num_processes(step)
        slots = min(processes, self._slots.number)
        async with self._slots.taken(slots):
            if self.stopped_by:
                return Outcome("Stopped", message="not begun")
            folder = self._work / "steps" / step.name
            self._display.begun(step, attempt, folder / "progress")
            cores = (os.cpu_count() or 1) * slots // self._slots.number
            threads = max(1, cores // processes)
            try:
                shutil.rmtree(folder, ignore_errors=True)
                (folder / "outputs").mkdir(parents=True)
                return await self._run_process(step, self.log(step, attempt), folder, threads)
            except OSError as error:  # other branches go on
                return Outcome("Error", message=f"no log or scratch can be written: {error}")

    async def pause(self, step: Step, outcome: Outcome, seconds: float) -> None:
        if not self.stopped_by:
            self._display.retried(step, outcome, seconds)
            try:
                await asyncio.wait_for(self._stopped.wait(), seconds)
            except TimeoutError:
                return

    def ended(self, step: Step, outcome: Outcome, attempts: int) -> None:
        self._display.ended(step, outcome, attempts, self.log(step, attempts))

    async def _run_process(self, step: Step, log: Path, folder: Path, threads: int) -> Outcome:
        self._num_started += 1
        mark = f"{self._mark}{self._num_started}/"
        log.parent.mkdir(parents=True, exist_ok=True)
        environment = _environment(step, folder, threads) | {reaper.MARK: mark}
        program = sys.executable if step.argv[0] == "python" else step.argv[0]
        with log.open("wb") as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    program,
                    *step.argv[1:],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                return Outcome("Error", 127, message=f"{program} cannot be started: {error}")
            child = _Child(process, step, mark)
            self._children.append(child)
            if self.stopped_by:  # while it was started
                child.end()
            try:
                code, message = await child.wait()
            finally:
                self._children.remove(child)
                reaper.kill_marked(mark)
        if code and self.stopped_by:
            return Outcome("Stopped", code, message="stopped")
        return Outcome("Failed", code, message=message) if code else _ended_well(step, folder)

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
    return max(1, int(given)) if given.isdecimal() else 1


def _environment(step: Step, folder: Path, threads: int) -> dict[str, str]:
    own = {name: value for name, value in step.environment.items() if name not in NOT_HERE}
    return {
        "OMP_NUM_THREADS": str(threads),
        **os.environ,
        **own,
        OUTPUTS: str(folder / "outputs"),
        "ARGO_PROGRESS_FILE": str(folder / "progress"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONSAFEPATH": "1",  # a torch.py in the folder that a run is started from is no module
    }


def _ended_well(step: Step, folder: Path) -> Outcome:
    """Success, if every declared output is there."""
    outputs = {}
    for name in step.outputs:
        try:
            outputs[name] = _read_output(folder / "outputs" / name)
        except FileNotFoundError:
            return Outcome("Error", message=f"ended with 0 but did not write its output {name!r}")
        except (OSError, ValueError) as error:
            return Outcome(
                "Error", message=f"ended with 0 but its output {name!r} is none: {error}"
            )
    cached = (folder / "outputs" / ALREADY_DONE).is_file()
    return Outcome("Succeeded", outputs=outputs, cached=cached)


def _read_output(file: Path) -> str:
    """Raises ValueError or OSError for what is no file of its own with one short line."""

    def opener(path: str, flags: int) -> int:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe must not hold it

    with open(file, "rb", opener=opener) as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise ValueError("it is no file")
        data = opened.read(MAX_OUTPUT_BYTES + 1)
    if len(data) > MAX_OUTPUT_BYTES:
        raise ValueError(f"it has more than {MAX_OUTPUT_BYTES} bytes")
    text = data.decode().removesuffix("\n")
    if unseen := invisible(text):
        raise ValueError(f"it holds {unseen!a}, expected one line of text")
    return text
