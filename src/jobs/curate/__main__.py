"""``python -m jobs.curate``."""

if __name__ == "__main__":  # first: nothing else is imported before
    from jobs.command.early import end_on_signals

    end_on_signals("curate")

from jobs.command.importing import importing
from jobs.command.running import Job, Statistics, run_job
from jobs.curate.settings import CurateSettings


def work(job: Job[CurateSettings]) -> Statistics:
    with importing():
        from jobs.curate.work import curate

    return curate(job)


if __name__ == "__main__":
    run_job(CurateSettings, work)
