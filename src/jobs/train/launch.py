"""Starts the processes of a training job with torchrun, and keeps their exit code.

torchrun itself ends with 1 whatever its children ended with; retries need the real code.
"""

import sys

from torch.distributed import run
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from jobs.errors import EXIT_STOPPED


def under_torchrun(processes: int) -> None:
    """Runs this very command line in `processes` processes of this machine."""
    arguments = ["--standalone", f"--nproc-per-node={processes}", "-m", "jobs.train"]
    try:
        run.run(run.parse_args([*arguments, *sys.argv[1:]]))  # type: ignore[no-untyped-call]
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        code = failure.exitcode
        sys.exit(code if code >= 0 else 128 - code)
    except SignalException:
        sys.exit(EXIT_STOPPED)
