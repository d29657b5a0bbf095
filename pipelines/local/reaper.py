"""Kills what an engine leaves behind, however the engine ends.

Every process of a step carries a mark in its environment, which its children inherit, also
those that start a session of their own. The reaper is a small process beside the engine: when
the pipe between them closes, because the engine ended or was killed, whatever still carries the
mark is killed. Linux only (``/proc``).
"""

import os
import signal
import sys
import time
from pathlib import Path

MARK = "PERENNIAL_STEP"
SECONDS_TO_DIE = 10.0


def marked(mark: str) -> list[int]:
    """Processes whose mark begins with `mark`."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:  # ended, or another user's
            continue
        if any(variable.startswith(wanted) for variable in environment.split(b"\0")):
            found.append(int(folder.name))
    return found


def kill_marked(mark: str) -> int:
    """SIGKILLs all processes whose mark begins with `mark`; returns how many there were."""
    killed: set[int] = set()
    until = time.monotonic() + SECONDS_TO_DIE
    while (left := marked(mark)) and time.monotonic() < until:
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed.add(process)
        time.sleep(0.01)
    return len(killed)


def main() -> None:
    """Waits for the end of the pipe on standard input, then kills what bears the given mark."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while sys.stdin.buffer.read(1):
        pass
    kill_marked(sys.argv[1])


if __name__ == "__main__":
    main()
