"""The jobs that make the demo's family, one after the other, and what is seen of them meanwhile."""

import sys
import tempfile
import time
from pathlib import Path
from typing import Self

from demo.children import Children
from jobs.command.progress import Report
from jobs.errors import PerennialError
from jobs.words import one_line

Flags = dict[str, object]

LINE_EVERY_SECONDS = 15.0
"""Where no terminal shows it live."""
REWRITE = "\r\033[K"
"""Back to the beginning of a terminal's line, which is cleared."""


class StepFailedError(PerennialError):
    """A job failed; it has said why in the log."""

    def __init__(self, job: str, code: int, log: Path) -> None:
        lines = log.read_text(errors="replace").splitlines()
        said = next((line for line in reversed(lines) if " ERROR " in line), lines[-1:] or "")
        super().__init__(f"{job} failed ({code}): {one_line(''.join(said))}; log: {log}")
        self.exit_code = code


class Steps:
    """Runs jobs, a line each with how far it is; what they say goes to a log."""

    def __init__(self, folder: Path, total: int, children: Children) -> None:
        self._folder, self._total, self._children = folder, total, children
        self._number = 0

    def job(self, job: str, flags: Flags, out: str) -> None:
        """One job into ``<folder>/<out>``. Raises StepFailedError."""
        arguments = [f"--{name}={value}" for name, value in flags.items()]
        self.run(job, ["-m", f"jobs.{job}", *arguments, f"--out={self._folder / out}"], out)

    def run(self, name: str, arguments: list[str], out: str) -> None:
        """One program of ours."""
        self._number += 1
        log, started = self._folder / "log.txt", time.monotonic()
        with tempfile.TemporaryDirectory() as scratch, log.open("ab") as file:
            progress = Path(scratch) / "progress"
            begin = f"  {self._number}/{self._total}  {name:<8} → {out:<16}"
            with _Line(begin, progress) as line:
                code = self._children.run(
                    [sys.executable, *arguments],
                    log=file,
                    environment={"ARGO_PROGRESS_FILE": str(progress)},
                    look=line.show,
                )
                if code:
                    raise StepFailedError(name, code, log)
                line.end(time.monotonic() - started)


class _Line:
    """A step's line: rewritten on a terminal, else told again at times."""

    def __init__(self, begin: str, progress: Path) -> None:
        self._begin, self._progress = begin, progress
        self._is_live = sys.stdout.isatty()
        self._told_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error and self._is_live:
            self._write("\n")

    def show(self, seconds: float) -> None:
        """How far it is, `seconds` after its beginning."""
        if self._is_live:
            self._write(f"{REWRITE}{self._begin}{self._standing(seconds)}")
        elif seconds - self._told_at >= LINE_EVERY_SECONDS:
            self._told_at = seconds
            self._write(f"{self._begin}{self._standing(seconds)}\n")

    def end(self, seconds: float) -> None:
        """It is done."""
        self._write(f"{REWRITE * self._is_live}{self._begin}{seconds:6.1f} s\n")

    def _standing(self, seconds: float) -> str:
        """``264 of 627, about 41 s to go``, by what the job writes for Argo."""
        report = Report.read(self._progress)
        if report is None:
            return f"{seconds:6.0f} s …"
        done, total = report.done, report.total
        if done * 20 < total:  # too early to tell
            return f"{done} of {total}"
        return f"{done} of {total}, about {seconds * (total - done) / done:.0f} s to go"

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
