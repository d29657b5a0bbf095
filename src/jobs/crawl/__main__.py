"""``python -m jobs.crawl``."""

from jobs.command_line import Job, Statistics, run_job
from jobs.crawl.settings import CrawlSettings


def work(job: Job[CrawlSettings]) -> Statistics:
    from jobs.crawl.crawl import crawl

    return crawl(job)


if __name__ == "__main__":
    run_job(CrawlSettings, work)
