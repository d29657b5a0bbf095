"""No process of a training job outlives the one that started it.

torchrun gives its processes sessions of their own, so a SIGKILL of torchrun's group would leave
them training on, beside the job's next attempt.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Asks the kernel (Linux) for SIGKILL when this process's parent ends."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(128 + signal.SIGKILL)
