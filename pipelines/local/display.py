"""What a person sees of a run: live on a terminal, otherwise one line an event; then a table."""

import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from jobs.words import one_line
from pipelines.local.engine import Outcome, Step
from pipelines.terminal import cells

TAIL_LINES = 15
TAIL_BYTES = 64 * 1024
PROGRESS_BYTES = 64
STYLES = {"Succeeded": "green", "cached": "cyan", "Failed": "red", "Error": "red"}


@dataclass
class _Running:
    since: float
    progress: Path


@dataclass(frozen=True)
class Ended:
    """One step that has ended."""

    name: str
    status: str
    """As in Argo; a success that found its artifact there is ``cached``."""
    exit_code: int
    attempts: int
    seconds: float


class Display:
    """Told what happens; the context in which the run goes on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: dict[str, _Running] = {}
        self._first_begun: dict[str, float] = {}
        self.ended_steps: list[Ended] = []
        self._live = Live(
            console=console, get_renderable=self._now_running, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> "Display":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def begun(self, step: Step, attempt: int, progress: Path) -> None:
        now = time.monotonic()
        self._running[step.name] = _Running(now, progress)
        self._first_begun.setdefault(step.name, now)
        if not self._console.is_terminal:
            again = f" attempt={attempt}" if attempt > 1 else ""
            self._say("begun", step.name, again)

    def retried(self, step: Step, outcome: Outcome, seconds: float) -> None:
        self._running.pop(step.name, None)
        self._say("retry", step.name, f" in={seconds:.0f}s because={outcome.message!r}", "yellow")

    def ended(self, step: Step, outcome: Outcome, attempts: int, log: Path) -> None:
        self._running.pop(step.name, None)
        begun = self._first_begun.get(step.name)
        if begun is None:
            return  # stopped before it began
        seconds = time.monotonic() - begun
        status = "cached" if outcome.cached else outcome.status
        self.ended_steps.append(Ended(step.name, status, outcome.exit_code, attempts, seconds))
        self._say(status, step.name, f" seconds={seconds:.1f}", STYLES.get(status, "yellow"))
        if outcome.status in ("Failed", "Error"):
            self._console.print(Text(one_line(f"  {outcome.message}; the end of {log}:")))
            for line in _tail(log):
                self._console.print(Text(f"  | {one_line(line)}"), soft_wrap=True)

    def stopping(self, number: int, longest_seconds: int) -> None:
        text = f"signal {number}: stopping within {longest_seconds} s; a second one kills"
        self._console.print(Text(text))

    def table(self) -> Table:
        """Every step: status, attempts, seconds."""
        table = Table(box=None, pad_edge=False)
        table.add_column("step")
        table.add_column("status")
        table.add_column("attempts", justify="right")
        table.add_column("seconds", justify="right")
        for step in self.ended_steps:
            code = f" ({step.exit_code})" if step.exit_code else ""
            status = Text(step.status + code, STYLES.get(step.status, "yellow"))
            table.add_row(*cells(step.name), status, str(step.attempts), f"{step.seconds:.1f}")
        return table

    def _say(self, status: str, name: str, rest: str, style: str = "") -> None:
        line = Text.assemble(
            time.strftime("%H:%M:%SZ ", time.gmtime()),
            (f"{status:<9}", style),
            " ",
            one_line(name + rest),
        )
        self._console.print(line, soft_wrap=True)

    def _now_running(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, show_header=False)
        now = time.monotonic()
        for name, running in self._running.items():
            since = f"{now - running.since:.0f} s"
            table.add_row(*cells("…", name, since, _read_progress(running.progress)))
        return table


def _read_progress(file: Path) -> str:
    """``12/100`` of Argo's progress file, as a percentage."""
    try:
        if not file.is_file():  # a step may leave anything there, a pipe say
            return ""
        with file.open("rb") as opened:
            done, _, total = opened.read(PROGRESS_BYTES).decode().strip().partition("/")
        return f"{min(100, 100 * int(done) // int(total))} %"
    except (OSError, ValueError, ZeroDivisionError):
        return ""


def _tail(log: Path) -> list[str]:
    """The last lines of a log."""
    if not log.is_file():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        return file.read().decode(errors="replace").splitlines()[-TAIL_LINES:]
