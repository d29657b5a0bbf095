import os
import sys

from jobs.command.importing import importing
from jobs.command.running import Job, Statistics, begin, run_command, run_job
from jobs.errors import EXIT_DONE
from jobs.train.orphans import die_with_parent
from jobs.train.settings import TrainSettings


def work(job: Job[TrainSettings]) -> Statistics:
    with importing():
        from jobs.train.work import train

    return train(job)


def launch(settings: TrainSettings) -> None:
    if begin(settings, settings.open_inputs()) is None:
        return
    with importing():
        from jobs.train.launch import under_torchrun

    code = under_torchrun(settings.processes)
    # Where another writer has committed, process 0 is content, and the others miss it.
    if code != EXIT_DONE and begin(settings, settings.open_inputs()) is not None:
        sys.exit(code)


if __name__ == "__main__":
    if "RANK" in os.environ:
        die_with_parent()
        run_job(TrainSettings, work)
    else:
        run_command(TrainSettings, launch)
