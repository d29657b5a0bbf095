if __name__ == "__main__":  # first: nothing else is imported before
    import os

    from jobs.command.early import end_on_signals

    end_on_signals("" if "RANK" in os.environ else "train")

import contextlib
import sys

from jobs.command.importing import importing
from jobs.command.running import Job, Statistics, begin, run_command, run_job
from jobs.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_STOPPED, PerennialError, StoppedError
from jobs.stopping import STOP
from jobs.store.prefix import Prefix
from jobs.train.checks import check_rows
from jobs.train.orphans import die_with_launcher, is_launched
from jobs.train.settings import CHECKPOINTS, TrainSettings


def work(job: Job[TrainSettings]) -> Statistics:
    with importing():
        from jobs.train.work import train

    return train(job)


def _delete_checkpoints(settings: TrainSettings) -> None:
    """Of a result that is there nobody resumes, and they take eight times its room."""
    with contextlib.suppress(PerennialError):  # of no use any more, and in nobody's way
        Prefix(settings.out).clear(CHECKPOINTS)


def launch(settings: TrainSettings) -> None:
    inputs = settings.open_inputs()
    if begin(settings, inputs) is None:
        _delete_checkpoints(settings)
        return
    check_rows(inputs)
    with importing():
        from jobs.train.launch import under_torchrun

    code = under_torchrun(settings.processes)
    # Where another writer has committed, process 0 is content, and the others miss it.
    if code == EXIT_DONE or begin(settings, settings.open_inputs()) is None:
        _delete_checkpoints(settings)
        return
    if code in (EXIT_STOPPED, EXIT_INTERRUPTED) and not STOP.told:
        raise StoppedError("one of its processes was stopped; the same command continues", code)
    sys.exit(code)


if __name__ == "__main__":
    if is_launched():
        die_with_launcher()
        STOP.spoken_for = True
        run_job(TrainSettings, work)
    else:
        run_command(TrainSettings, launch)
