"""Notes when a Python process imports; `benchmarks/start.py` puts this before jobs.

At its end, a process that has ``BENCHMARK_IMPORTS`` in its environment writes a file into that
folder: when 99 of 100 of its imports had begun, in seconds by the system's clock, and the
processor seconds it had taken by then.
"""

import atexit
import os
import sys
import time

SHARE = 0.99

_imports: list[tuple[float, float]] = []


def _note(event: str, _: object) -> None:
    if event == "import":  # raised before a module that is not there yet is imported
        _imports.append((time.monotonic(), time.process_time()))


def _write(folder: str) -> None:
    clock, cpu = _imports[int(SHARE * len(_imports))]
    with open(os.path.join(folder, str(os.getpid())), "w") as file:  # noqa: PTH118, PTH123  pathlib is an import
        file.write(f"{clock} {cpu}")


if "BENCHMARK_IMPORTS" in os.environ:
    atexit.register(_write, os.environ["BENCHMARK_IMPORTS"])
    sys.addaudithook(_note)
