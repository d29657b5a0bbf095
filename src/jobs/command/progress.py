"""Progress of a job: a bar on a terminal, one line every 30 s in a pod, and Argo's file.

Argo shows ``N/M`` that a container writes to the file named by ``ARGO_PROGRESS_FILE``.
"""

import contextlib
import logging
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tqdm import tqdm

from jobs.words import one_line

LINE_EVERY_SECONDS = 30.0
FILE_EVERY_SECONDS = 3.0


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
        self._line_at = self._file_at = time.monotonic()

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
        """`units` more are done; `facts` are shown beside them (a loss, a rate)."""
        self._done += units
        self._bar.update(units)
        if facts:
            self._bar.set_postfix(_plain(facts), refresh=False)
        now = time.monotonic()
        if now - self._file_at >= FILE_EVERY_SECONDS:
            self._file_at = now
            self._write_file()
        if self._shown and self._bar.disable and now - self._line_at >= LINE_EVERY_SECONDS:
            self._line_at = now
            said = " ".join(f"{name}={value}" for name, value in facts.items())
            self._log.info("progress %s=%d total=%d %s", self._unit, self._done, self._total, said)

    def _write_file(self) -> None:
        if self._shown and self._file and self._total > 0:
            with contextlib.suppress(OSError):  # never worth a job
                Path(self._file).write_text(f"{min(self._done, self._total)}/{self._total}\n")


def _plain(facts: Mapping[str, float | str]) -> dict[str, float | str]:
    return {name: one_line(v) if isinstance(v, str) else v for name, v in facts.items()}
