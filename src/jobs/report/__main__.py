from jobs.command_line import Job, Statistics, run_job
from jobs.report.collect import open_run
from jobs.report.settings import ReportSettings


def work(job: Job[ReportSettings]) -> Statistics:
    from jobs.report.writing import write_report

    return write_report(job)


if __name__ == "__main__":
    run_job(ReportSettings, work, open_run)
