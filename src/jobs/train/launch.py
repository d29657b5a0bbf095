"""Starts the processes of a training job with torchrun, and keeps their exit code.

torchrun itself ends with 1 whatever its children ended with; retries need the real code.

A stop is raised here once, by our own handler: torchrun's raises at every signal, and a second one
would end its wait for those that save. In its ``finally`` it passes SIGTERM on and waits.
"""

import logging
import os
import signal
import sys

from torch.distributed import DistError, run
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import RendezvousError

from jobs.errors import EXIT_BAD_INPUT, EXIT_DONE, EXIT_STOPPED, EXIT_TRANSIENT, TransientError
from jobs.libraries import cause as why
from jobs.stopping import STOP, grace_seconds, reserve_seconds
from jobs.train.orphans import LAUNCHER

TORCHRUN = "torch.distributed.elastic"
REASONS = {
    -signal.SIGKILL: ", as where a machine runs out of memory",
    -signal.SIGABRT: ", as where another process, or the network to it, is lost",
}

log = logging.getLogger("train")


def under_torchrun(processes: int) -> int:
    """Runs this very command line in `processes` processes of this machine: the exit code."""
    grace = grace_seconds()
    reserve = reserve_seconds(grace)
    STOP.allow(grace - reserve / 2)
    os.environ[LAUNCHER] = str(os.getpid())
    logging.getLogger(TORCHRUN).setLevel(logging.CRITICAL)  # it tells who failed; so do we
    logging.getLogger(run.__name__).setLevel(logging.ERROR)  # its advice on threads
    arguments = [
        "--standalone",
        f"--nproc-per-node={processes}",
        f"--shutdown-timeout={int(grace - reserve)}",
        "--signals-to-handle=SIGHUP",
        "-m",
        "jobs.train",
    ]
    try:
        run.run(run.parse_args([*arguments, *sys.argv[1:]]))  # type: ignore[no-untyped-call]
    except ChildFailedError as error:
        failed = error
    except (DistError, RendezvousError) as error:
        raise TransientError(
            f"the processes of train do not find each other on this machine: {why(error)}; the "
            "same command tries again"
        ) from error
    except SignalException:
        return EXIT_STOPPED
    else:
        return EXIT_DONE
    if said := killed(failed, processes):
        log.error("%s", said)
    return cause(failed)


def killed(error: ChildFailedError, processes: int) -> str:
    """Which process another program ended, in one line; "" where each tells its own failure."""
    number = min(failure.exitcode for failure in error.failures.values())
    if number >= 0 or _told(error):
        return ""
    rank = min(rank for rank, failure in error.failures.items() if failure.exitcode == number)
    return (
        f"process {rank} of {processes} was ended by {signal.Signals(-number).name}"
        f"{REASONS.get(number, '')}; the same command continues from the last checkpoint"
    )


def cause(error: ChildFailedError) -> int:
    """The exit code of the process that failed by itself.

    Those that waited for it fail, too, with 1, and perhaps are seen before it. NCCL ends a process
    by SIGABRT when it waits too long: that may pass.
    """
    if code := _told(error):
        return code
    _, first = error.get_first_failure()
    lowest = min(failure.exitcode for failure in error.failures.values())
    code = lowest if lowest < 0 else first.exitcode  # below 0: killed by a signal
    if code == -signal.SIGABRT:
        return EXIT_TRANSIENT
    return code if code >= 0 else 128 - code


def _told(error: ChildFailedError) -> int:
    """The code of a process that has told its failure itself; 0 where there is none."""
    codes = {failure.exitcode for failure in error.failures.values()}
    return next((code for code in (EXIT_BAD_INPUT, EXIT_TRANSIENT) if code in codes), 0)
