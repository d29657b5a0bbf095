"""Runs one command and says how long it took and how much memory it held, as one line of JSON.

    python -I -S timed.py RESULT COMMAND …

A process inherits the peak of whoever starts it, until it is larger itself: so this small script
starts the command, not the benchmark with all its imports. What it reports is never below its own
10 MB or so.

peak_bytes: resident memory at its most, pages of mapped files included, of the largest process
among the command and those of its children that it waited for. anonymous_bytes: the most that
was seen, 50 times a second, of the command's memory that is no page of a file.
"""

import os
import sys
import threading
import time

SAMPLE_SECONDS = 0.02


def anonymous_bytes(process: int) -> int:
    """Resident memory of a process that no file backs; 0 once it has ended."""
    try:
        with open(f"/proc/{process}/status") as file:  # noqa: PTH123  pathlib is large
            lines = file.read().splitlines()
    except OSError:
        return 0
    kinds = ("RssAnon:", "RssShmem:")
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(kinds))


def main(result: str, command: list[str]) -> int:
    """Returns the command's exit code; 128 and the signal's number where one ended it."""
    started = time.perf_counter()
    process = os.spawnvp(os.P_NOWAIT, command[0], command)  # noqa: S606
    ended = threading.Event()
    seen = [0]

    def sample() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            seen[0] = max(seen[0], anonymous_bytes(process))

    sampler = threading.Thread(target=sample)
    sampler.start()
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - started
    ended.set()
    sampler.join()
    figures = {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
        "anonymous_bytes": seen[0],
    }
    with open(result, "w") as file:  # noqa: PTH123
        file.write(str(figures).replace("'", '"'))
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
