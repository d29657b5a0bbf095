"""Signals before a job listens to them (`jobs.stopping`): while Python imports what it needs.

Python's own way is to raise in the middle of an import, which a library swallows, takes for a bug
or leaves half done. There is nothing to save or to clear away yet, so the process ends at once,
with the line and the code that it would have later. Imports nothing large itself.
"""

import contextlib
import os
import signal
import time
from typing import NoReturn


def end_on_signals(name: str) -> None:
    """From here on SIGINT and SIGTERM end this process, with one line unless `name` is "".

    One that is ignored stays so, as SIGINT is of what a shell runs in the background.
    """

    def end(number: int, _frame: object) -> NoReturn:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        stopped = f"stopped by {signal.Signals(number).name}; the same command continues"
        if name:
            with contextlib.suppress(OSError):  # it may be closed
                os.write(2, f"{now} ERROR {name}: {stopped}\n".encode())
        os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)
