"""Standard input, output and error, as a process finds them: perhaps closed."""

import os
import sys


def open_standard_streams() -> None:
    """Makes standard input empty, also of children; output and error that were closed lead nowhere.

    Else the first files that are opened would take their numbers, and what a library prints would
    stand in them.
    """
    while (null := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(null, True)
    os.dup2(null, 0)
    os.close(null)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
