"""``python -m jobs.crawl``."""

if __name__ == "__main__":  # first: nothing else is imported before
    from jobs.command.early import end_on_signals

    end_on_signals("crawl")

from jobs.command.importing import importing
from jobs.command.running import Job, Statistics, run_job
from jobs.crawl.settings import CrawlSettings


def work(job: Job[CrawlSettings]) -> Statistics:
    with importing():
        from jobs.crawl.work import crawl

    return crawl(job)


if __name__ == "__main__":
    run_job(CrawlSettings, work)
