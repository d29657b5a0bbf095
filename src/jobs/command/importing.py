"""Imports of large libraries, without the garbage collector in between.

torch, transformers and what they bring are half a million objects that live as long as the process.
Python's collector would look through them again and again while they come, while the job works, and
once more at its end (see `benchmarks/start.py`).
"""

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.command.logs import OUR_LOGS, quote_libraries

IMPORTED = "imported: the work begins"


@contextmanager
def importing() -> Iterator[None]:
    """Within it nothing is collected, and what is there at its end never will be.

    What the imports brought to log with is made to format as a job's log does. At its end the log
    has a line (DEBUG), as from there on the job works.

    For imports, and for what imports in its course: cycles of large objects that are dropped
    within it would stay in memory.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        quote_libraries()
        logging.getLogger(OUR_LOGS).debug(IMPORTED)
