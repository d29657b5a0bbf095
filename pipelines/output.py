"""Standard output that never holds up whoever writes to it.

It may be a pipe that nobody reads, one whose reader has left, a full disk, or a terminal that is
held still. None of these may hold or end a run, which goes on for hours and whose children are to
be stopped in order: so a thread of its own writes.
"""

import contextlib
import errno
import io
import os
import signal
import sys
from collections import deque
from collections.abc import Iterator
from threading import Condition, Thread
from typing import TextIO

from jobs.errors import BadInputError

MOST_WAITING = 10_000
"""Texts that wait to be written; what comes while so many do is left out."""


class PatientOutput(io.TextIOBase):
    """A stream whose `write` neither waits nor fails; `finish` does.

    A character that the encoding does not have is escaped.
    """

    def __init__(self, stream: TextIO) -> None:
        stream.flush()
        self._stream, self._number = stream, stream.fileno()
        self._waiting: deque[str] = deque()
        self._changed = Condition()
        self._ended = self._is_writing = False
        self._error: OSError | None = None
        self._writer = Thread(target=self._write_all, name="output", daemon=True)
        self._writer.start()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._number

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):  # by which it is known as a stream of texts
            raise TypeError(f"expected a text, got {type(text).__name__}")
        with self._changed:
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(text)
                self._changed.notify()
        return len(text)

    def finish(self, seconds: float | None = None) -> None:
        """Waits until all is written, `seconds` at most. Raises BadInputError where it cannot be.

        A reader that has left, as ``head`` does, has had enough: that is no error.
        """
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._writer.join(seconds)
        if self._error and self._error.errno != errno.EPIPE:
            raise BadInputError(f"cannot write to standard output: {self._error.strerror}")

    def drain(self) -> bool:
        """Waits until all is written, however long that takes; whether anybody still reads."""
        with self._changed:
            self._changed.wait_for(lambda: self._error or not (self._waiting or self._is_writing))
        return self._error is None

    def _write_all(self) -> None:
        """The thread. What comes after an error is dropped."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                if not self._waiting:
                    return
                text, self._is_writing = self._waiting.popleft(), True
            if self._error is None:
                try:
                    self._write_now(text.encode(self.encoding, "backslashreplace"))
                except OSError as error:
                    self._error = error
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()

    def _write_now(self, data: bytes) -> None:
        """Past the stream, whose lock a write that waits would hold until the process ends."""
        while data:
            data = data[os.write(self._number, data) :]


@contextlib.contextmanager
def patient_output() -> Iterator[PatientOutput | None]:
    """Standard output, while the block runs; None where it is closed."""
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper):
        yield None
        return
    output = PatientOutput(stream)
    sys.stdout = output
    try:
        yield output
    finally:
        sys.stdout = stream


@contextlib.contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """Ctrl-C ends the process at once, also while a store does not answer.

    Python's own KeyboardInterrupt waits until a library returns, or is swallowed by it.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
