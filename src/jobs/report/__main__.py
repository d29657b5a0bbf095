if __name__ == "__main__":  # first: nothing else is imported before
    from jobs.command.early import end_on_signals

    end_on_signals("report")

from jobs.command.importing import importing
from jobs.command.running import Job, Statistics, run_job
from jobs.report.evidence.collect import open_run
from jobs.report.settings import ReportSettings


def work(job: Job[ReportSettings]) -> Statistics:
    with importing():
        from jobs.report.work import write_report

    return write_report(job)


if __name__ == "__main__":
    run_job(ReportSettings, work, open_run)
