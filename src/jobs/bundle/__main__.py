"""``python -m jobs.bundle``."""

if __name__ == "__main__":  # first: nothing else is imported before
    from jobs.command.early import end_on_signals

    end_on_signals("bundle")

from jobs.bundle.settings import BundleSettings
from jobs.command.importing import importing
from jobs.command.running import Job, Statistics, run_job


def work(job: Job[BundleSettings]) -> Statistics:
    with importing():
        from jobs.bundle.work import seal

    return seal(job)


if __name__ == "__main__":
    run_job(BundleSettings, work)
