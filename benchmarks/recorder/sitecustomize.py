"""Notes when a Python process begins its last import; `benchmarks/start.py` sets it before jobs.

At its end, a process that has ``BENCHMARK_IMPORTS`` in its environment writes a file into that
folder: the seconds by the system's clock, and the processor seconds it had taken by then.
"""

import atexit
import os
import sys
import time

_last = [0.0, 0.0]


def _note(event: str, _: object) -> None:
    if event == "import":  # raised before a module that is not there yet is imported
        _last[:] = time.monotonic(), time.process_time()


def _write(folder: str) -> None:
    with open(os.path.join(folder, str(os.getpid())), "w") as file:  # noqa: PTH118, PTH123  pathlib is an import
        file.write(f"{_last[0]} {_last[1]}")


if "BENCHMARK_IMPORTS" in os.environ:
    atexit.register(_write, os.environ["BENCHMARK_IMPORTS"])
    sys.addaudithook(_note)
