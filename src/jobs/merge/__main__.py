if __name__ == "__main__":  # first: nothing else is imported before
    from jobs.command.early import end_on_signals

    end_on_signals("merge")

from jobs.command.importing import importing
from jobs.command.running import Job, Statistics, run_job
from jobs.merge.settings import MergeSettings


def work(job: Job[MergeSettings]) -> Statistics:
    with importing():
        from jobs.merge.work import merge

    return merge(job)


if __name__ == "__main__":
    run_job(MergeSettings, work)
