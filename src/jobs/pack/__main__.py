from jobs.command_line import Job, Statistics, run_job
from jobs.pack.settings import PackSettings


def work(job: Job[PackSettings]) -> Statistics:
    from jobs.pack.working import write_packed

    return write_packed(job)


if __name__ == "__main__":
    run_job(PackSettings, work)
