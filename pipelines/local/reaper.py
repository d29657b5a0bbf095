"""Kills what a step leaves behind, and what an engine leaves behind, however it ends.

Every process of a step carries a mark in its environment, which its children inherit, also
those that start a session of their own or whose parent has ended; neither process groups nor the
kernel's signal at a parent's end reach all of these. The engine kills by the mark when a step
ends; beside it runs this file as a small process, which does so for all steps when the pipe
between them closes, because the engine ended or was killed. Linux only (``/proc``).
"""

import os
import signal
import sys
import time
from pathlib import Path

MARK = "PERENNIAL_STEP"
SECONDS_TO_DIE = 10.0
SECONDS_TO_BEGIN = 0.5
"""In which what was forked as the engine was killed becomes a step, and bears its mark."""
ENDS_WELL = b"."


def kill_marked(mark: str) -> None:
    """SIGKILLs all processes whose mark begins with `mark`, and waits until they are gone."""
    until = time.monotonic() + SECONDS_TO_DIE
    while (left := _marked(mark)) and time.monotonic() < until:
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.01)


def _marked(mark: str) -> list[int]:
    wanted = f"\0{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:  # ended, or another user's
            continue
        if wanted in b"\0" + environment:
            found.append(int(folder.name))
    return found


def main() -> None:
    """Waits for the end of the pipe on standard input, then kills what bears the given mark.

    Unless the engine wrote `ENDS_WELL` into it, it looks a second time.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    said = sys.stdin.buffer.read()
    kill_marked(sys.argv[1])
    if said != ENDS_WELL:
        time.sleep(SECONDS_TO_BEGIN)
        kill_marked(sys.argv[1])


if __name__ == "__main__":
    main()
