"""Progress of a job: a bar on a terminal, one line every 10 s in a pod, and Argo's file.

Argo shows ``N/M``, the last line of the file that ``ARGO_PROGRESS_FILE`` names. The line above it
is the one of the log: what is done, how fast, how long it takes yet, and what the job tells beside
(a loss). `Report` writes it and reads it.
"""

import contextlib
import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tqdm import tqdm

from jobs.words import one_line

LINE_EVERY_SECONDS = 10.0
FILE_EVERY_SECONDS = 3.0
MAX_FILE_BYTES = 2**12


@dataclass(frozen=True)
class Report:
    """How far a job is.

    >>> Report("steps", 5, 20, 2.5, 6.0, {"loss": "2.31"}).line()
    'steps=5 total=20 per_second=2.5 seconds_left=6 loss=2.31'
    """

    unit: str
    done: int
    total: int
    """0 where it is not known."""
    per_second: float = 0.0
    seconds_left: float | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    def line(self) -> str:
        """In one line, as ``key=value``."""
        parts = {self.unit: str(self.done), "total": str(self.total)}
        if self.per_second:
            parts["per_second"] = f"{self.per_second:.3g}"
        if self.seconds_left is not None:
            parts["seconds_left"] = f"{self.seconds_left:.0f}"
        return " ".join(f"{name}={value}" for name, value in (parts | dict(self.facts)).items())

    @classmethod
    def read(cls, file: Path) -> "Report | None":
        """From Argo's file; None where it holds none. A job may leave anything there.

        Without the line above Argo's, what Argo knows.
        """
        try:
            if not file.is_file():  # a pipe, say
                return None
            with file.open("rb") as opened:
                *above, last = opened.read(MAX_FILE_BYTES).decode().strip().split("\n")
        except (OSError, ValueError):
            return None
        counts = _COUNTS.fullmatch(last)
        if counts is None or not int(counts[2]):
            return None
        parts = dict(word.split("=", 1) for word in (above or [""])[-1].split() if "=" in word)
        unit = next(iter(parts), "")
        facts = {name: value for name, value in parts.items() if name not in (unit, *_OWN)}
        per_second, seconds_left = (_number(parts.get(name)) for name in _OWN[1:])
        done, total = int(counts[1]), int(counts[2])
        return cls(unit, min(done, total), total, per_second or 0.0, seconds_left, facts)


_COUNTS = re.compile("([0-9]{1,18})/([0-9]{1,18})")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?(e[+-][0-9]{2})?")
_OWN = ("total", "per_second", "seconds_left")


def _number(text: str | None) -> float | None:
    return float(text) if text and _NUMBER.fullmatch(text) else None


class Progress:
    """Counts `total` units of `unit` ("rows", "bytes", …); a context manager."""

    def __init__(
        self, job: str, total: int, unit: str, done: int = 0, *, shown: bool = True
    ) -> None:
        self._shown = shown  # of several processes, one
        self._log = logging.getLogger(job)
        self._total, self._unit, self._done = total, unit, done
        self._bar = tqdm(
            total=total, initial=done, unit=f" {unit}", unit_scale=True, desc=job,
            disable=not (shown and sys.stderr.isatty()),
        )  # fmt: skip
        self._file = os.environ.get("ARGO_PROGRESS_FILE")
        self._facts: dict[str, str] = {}
        self._begun, self._done_before = time.monotonic(), done
        self._line_at = self._file_at = self._begun

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._write_file()
        self._bar.close()

    def advance(self, units: int = 1, **facts: float | str) -> None:
        """`units` more are done; `facts` are shown beside them (a loss)."""
        self._done += units
        self._bar.update(units)
        if facts:
            self._facts = {name: one_line(str(value)) for name, value in facts.items()}
            self._bar.set_postfix(self._facts, refresh=False)
        now = time.monotonic()
        if now - self._file_at >= FILE_EVERY_SECONDS:
            self._file_at = now
            self._write_file()
        if self._shown and self._bar.disable and now - self._line_at >= LINE_EVERY_SECONDS:
            self._line_at = now
            self._log.info("progress %s", self._report().line())

    def _report(self) -> Report:
        """The rate is the mean since the beginning, not of what was done before."""
        seconds = time.monotonic() - self._begun
        per_second = (self._done - self._done_before) / seconds if seconds > 0 else 0.0
        left = max(0, self._total - self._done) / per_second if per_second > 0 else None
        known = left if self._total > 0 else None
        return Report(self._unit, self._done, self._total, per_second, known, self._facts)

    def _write_file(self) -> None:
        if self._shown and self._file and self._total > 0:
            for_argo = f"{min(self._done, self._total)}/{self._total}"
            with contextlib.suppress(OSError):  # never worth a job
                Path(self._file).write_text(f"{self._report().line()}\n{for_argo}\n")
