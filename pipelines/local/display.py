"""What a person sees of a run: live on a terminal, otherwise one line an event; then a table."""

import asyncio
import signal
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
from pipelines.local.record import DONE, FAILED, RunRecord, StepRecord
from pipelines.local.standing import STYLES, progress, table, took
from pipelines.terminal import cells

LINE_EVERY_SECONDS = 30.0
"""For each running step, where no terminal shows it live."""
LOOK_EVERY_SECONDS = 1.0


class Display:
    """Told what happens; the context in which the run goes on."""

    def __init__(self, console: Console, folder: RunFolder, run: RunRecord) -> None:
        self._console, self._folder, self._run = console, folder, run
        self._num_done = 0
        self._running: dict[str, StepRecord] = {}
        self._said_at: dict[str, float] = {}
        """Of running steps: when something was said of each, by the monotonic clock."""
        self._live = Live(
            console=console, get_renderable=self._now_running, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> "Display":
        run = self._run
        self._line(f"run {run.run} · {len(run.steps)} steps · store {run.store or 'none'}")
        self._line(f"logs: {self._folder.logs}")
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
        self._num_done += record.status in DONE
        after = f" after {numbers.seconds(record.seconds)}"
        self._say(record.status, record.name, after, STYLES.get(record.status, "yellow"))
        if record.status in FAILED:
            self._line(f"  {record.error}")
            self._line(f"  log: {log}")
            if not last_error(lines):
                for line in lines[-TAIL_LINES:]:
                    self._line(f"  | {one_line(line)}")

    def stopping(self, number: int, longest_seconds: int) -> None:
        name = signal.Signals(number).name
        self._line(f"{name}: stopping within {longest_seconds} s; a second one kills")

    def all_ended(self, run: RunRecord, ended: tuple[StepRecord, ...]) -> None:
        """The table of what was begun, and, unless all is well, how to go on."""
        self._console.print(table(ended))
        if run.exit_code and run.command:
            self._line(f"the same command continues it: {run.command}")

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

    def _line(self, text: str) -> None:
        self._console.print(Text(one_line(text)), soft_wrap=True)

    def _now_running(self) -> RenderableType:
        """Called by a thread of rich's."""
        rows = Table(box=None, pad_edge=False, show_header=False)
        for record in tuple(self._running.values()):
            told = progress(self._folder.progress(record.name))
            rows.add_row(*cells("…", record.name, numbers.seconds(took(record)), told))
        done = f"{self._num_done} of {len(self._run.steps)} steps done · Ctrl-C stops in order"
        return Group(rows, Text(done, "dim"))
