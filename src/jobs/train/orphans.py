"""No process of a training job outlives the one that started it.

torchrun gives its processes sessions of their own, so a SIGKILL of torchrun's group would leave
them training on, beside the job's next attempt.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
LAUNCHER = "PERENNIAL_LAUNCHER"
"""The variable that tells a process by whom it was started: who asks may find that one gone."""


def is_launched() -> bool:
    """Whether this is one of the processes that torchrun starts, not the one that runs torchrun."""
    return "RANK" in os.environ


def die_with_launcher() -> None:
    """Asks the kernel (Linux) for SIGKILL at the launcher's end; ends now where that was before."""
    if not is_launched():
        return
    launcher = int(os.environ.get(LAUNCHER, os.getppid()))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != launcher:
        sys.exit(128 + signal.SIGKILL)
