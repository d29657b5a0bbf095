"""What a person sees of a run: live on a terminal, otherwise one line an event; then a table."""

import asyncio
import time
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from jobs import numbers
from jobs.words import one_line
from pipelines.local.folder import RunFolder
from pipelines.local.last_words import TAIL_LINES, last_error
from pipelines.local.record import FAILED, RunRecord, StepRecord
from pipelines.local.standing import STYLES, progress, table, took
from pipelines.terminal import cells

LINE_EVERY_SECONDS = 30.0
"""For each running step, where no terminal shows it live."""
LOOK_EVERY_SECONDS = 1.0


class Display:
    """Told what happens; the context in which the run goes on."""

    def __init__(self, console: Console, folder: RunFolder, run: RunRecord) -> None:
        self._console, self._folder = console, folder
        self._num_steps = len(run.steps)
        self._num_done = 0
        self._running: dict[str, StepRecord] = {}
        self._said_at: dict[str, float] = {}
        """Of running steps: when something was said of each, by the monotonic clock."""
        self._live = Live(
            console=console, get_renderable=self._now_running, refresh_per_second=4, transient=True
        )
        self._said_now(f"run {run.run} · {self._num_steps} steps · store {run.store or 'none'}")
        self._said_now(f"logs: {folder.logs}")

    def __enter__(self) -> "Display":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    async def tell_progress(self) -> None:
        """For ever: a line now and then of each step that goes on, where no terminal shows it."""
        while not self._console.is_terminal:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            now = time.monotonic()
            for name, record in self._running.items():
                if now - self._said_at[name] >= LINE_EVERY_SECONDS:
                    self._say(record.status, name, f" {self._standing(record)}")
                    self._said_at[name] = now

    def begun(self, record: StepRecord) -> None:
        self._running[record.name] = record
        self._said_at[record.name] = time.monotonic()
        if not self._console.is_terminal:
            again = f" attempt={record.attempts}" if record.attempts > 1 else ""
            self._say("begun", record.name, again)

    def retried(self, record: StepRecord, seconds: float) -> None:
        self._running.pop(record.name, None)
        again = f" attempt {record.attempts} failed, the next in {numbers.seconds(seconds)}"
        self._say("retry", record.name, f"{again}: {record.error}", "yellow")

    def ended(self, record: StepRecord, log: Path, lines: list[str]) -> None:
        """`lines` are the last ones of its log, where it failed."""
        self._running.pop(record.name, None)
        self._num_done += record.status not in FAILED
        took = f" seconds={record.seconds:.1f}"
        self._say(record.status, record.name, took, STYLES.get(record.status, "yellow"))
        if record.status in FAILED:
            self._said_now(f"  {record.error}")
            self._said_now(f"  log: {log}")
            if not last_error(lines):
                for line in lines[-TAIL_LINES:]:
                    self._said_now(f"  | {one_line(line)}")

    def stopping(self, number: int, longest_seconds: int) -> None:
        self._said_now(f"signal {number}: stopping within {longest_seconds} s; a second one kills")

    def all_ended(self, run: RunRecord, ended: tuple[StepRecord, ...]) -> None:
        """The table of what was begun, and, unless all is well, how to go on."""
        self._console.print(table(ended))
        if run.exit_code and run.command:
            self._said_now(f"the same command continues it: {run.command}")

    def _standing(self, record: StepRecord) -> str:
        told = progress(self._folder.progress(record.name))
        return " · ".join(filter(None, (told, f"after {numbers.seconds(took(record))}")))

    def _say(self, status: str, name: str, rest: str, style: str = "") -> None:
        line = Text.assemble(
            time.strftime("%H:%M:%SZ ", time.gmtime()),
            (f"{status:<9}", style),
            " ",
            one_line(name + rest),
        )
        self._console.print(line, soft_wrap=True)

    def _said_now(self, text: str) -> None:
        self._console.print(Text(one_line(text)), soft_wrap=True)

    def _now_running(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, show_header=False)
        for name, record in self._running.items():
            told = progress(self._folder.progress(name))
            table.add_row(*cells("…", name, numbers.seconds(took(record)), told))
        done = f"{self._num_done} of {self._num_steps} steps done · Ctrl-C stops in order"
        return Group(table, Text(done, "dim"))
