"""Signals before a job listens to them (`jobs.stopping`): while Python imports what it needs.

Python's own way is to raise in the middle of an import, which a library swallows, takes for a bug
or leaves half done. There is nothing to save or to clear away yet, so the process ends at once,
with the line and the code that it would have later.

Imports only what Python itself has loaded at its start (`signal` would import `enum` and `re`).
"""

import _signal  # type: ignore[import-not-found]
import os
import time

NAMES = {_signal.SIGINT: "SIGINT", _signal.SIGTERM: "SIGTERM"}


def end_on_signals(name: str) -> None:
    """From here on SIGINT and SIGTERM end this process, with one line unless `name` is "".

    One that is ignored stays so, as SIGINT is of what a shell runs in the background.
    """

    def end(number: int, _frame: object) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = f"{now} ERROR {name}: stopped by {NAMES[number]}; the same command continues\n"
        try:
            os.write(2, line.encode() if name else b"")
        finally:  # also where it is closed
            os._exit(128 + number)

    for number in NAMES:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, end)
