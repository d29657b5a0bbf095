"""The programs that the demo runs, one at a time, and what becomes of them when it is stopped.

Each heads a process group of its own, so that what a terminal sends to all (Ctrl-C) does not reach
it a second time. SIGINT, SIGTERM and SIGHUP are passed on to it; it saves what it has, and we wait
for it. A second signal ends a job at once; `perennial run` has its own answer to that.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from jobs.errors import StoppedError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_SECONDS = 0.5


class Children:
    """Runs programs while it listens to signals (`listening`)."""

    def __init__(self) -> None:
        self._told: int | None = None
        self._to_send: deque[int] = deque()
        self._running: subprocess.Popen[bytes] | None = None
        self._again = signal.SIGKILL

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Signals are passed on while the block runs; nohup's stay ignored."""
        heard = [n for n in SIGNALS if signal.getsignal(n) != signal.SIG_IGN]
        before = {number: signal.signal(number, self._pass_on) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def run(
        self,
        command: Sequence[str],
        *,
        log: IO[bytes] | None = None,
        environment: dict[str, str] | None = None,
        again: signal.Signals = signal.SIGKILL,
        look: Callable[[float], None] = lambda _: None,
    ) -> int:
        """The exit code of `command`; raises StoppedError once it has ended, were we told to stop.

        `look` is called twice a second with the seconds so far; a second signal is passed on as
        `again`. Where there is no `log`, it writes where we do.
        """
        self.check()
        started = time.monotonic()
        with _started(command, log, environment) as process:
            self._running, self._again = process, again
            self._send()  # what came while it was being started
            while (code := _ended(process)) is None:
                look(time.monotonic() - started)
        self._running = None
        self.check()
        return code

    def check(self) -> None:
        """Raises StoppedError where a signal came."""
        if self._told:
            name = signal.Signals(self._told).name
            raise StoppedError(f"stopped by {name}; the same command continues", 128 + self._told)

    def _pass_on(self, number: int, _: object) -> None:
        self._to_send.append(self._again if self._told else number)
        self._told = self._told or number
        self._send()

    def _send(self) -> None:
        """Each signal once, though another may interrupt this."""
        with contextlib.suppress(IndexError, ProcessLookupError):
            while self._running and self._running.returncode is None:
                os.killpg(self._running.pid, self._to_send.popleft())


def _started(
    command: Sequence[str], log: IO[bytes] | None, environment: dict[str, str] | None
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, **(environment or {})},
        process_group=0,
    )


def _ended(process: "subprocess.Popen[bytes]") -> int | None:
    """The exit code; None where it still runs after `LOOK_SECONDS`. 128 + n for one killed."""
    try:
        code = process.wait(LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return None
    return code if code >= 0 else 128 - code
