"""The crawl of one period: which publishers, which archives, and what became of both."""

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from jobs.command.progress import Progress
from jobs.command.running import Job, Statistics
from jobs.crawl.accounting import account_for, summary
from jobs.crawl.archives import Archive, Period, capture_window, list_archives
from jobs.crawl.beforehand import why_no_period
from jobs.crawl.parts import Failure, Outcome, Plan, write_parts
from jobs.crawl.publishers import OptOut, agreed_opt_outs, choose
from jobs.crawl.server import Server
from jobs.crawl.settings import CrawlSettings
from jobs.errors import BadInputError, TransientError

ACCOUNTING = "accounting.json"
SHOWN_FAILURES = 3

log = logging.getLogger("crawl")


def crawl(job: Job[CrawlSettings]) -> Statistics:
    """Writes one part an archive and `ACCOUNTING`; returns the counts.

    Raises TransientError where more archives failed than the settings allow. The parts that
    were made are kept for the next attempt.
    """
    settings = job.settings
    logging.getLogger("fundus").propagate = False  # it logs every page; the counts say more
    publishers = choose(settings.publishers)
    server = Server(settings.ccnews_server, settings.retry_seconds, settings.min_bytes_per_second)
    period = Period.month(settings.period)
    if why := why_no_period(settings.period, settings.ccnews_server, datetime.now(UTC)):
        raise BadInputError(f"--period {settings.period} {why}")
    window = capture_window(period, settings.capture_days_after)
    listing = list_archives(server, window, required_month=settings.period)
    opt_outs = {}
    if settings.check_training_opt_out:
        opt_outs = agreed_opt_outs(job.out, publishers)
    admitted = _admitted(publishers, opt_outs)
    if window.end > datetime.now(UTC):
        log.warning("archives up to %s may hold more articles of this period", window.end.date())
    log.info("reading archives=%d publishers=%d", len(listing.archives), len(admitted))
    plan = Plan(server, admitted, period, settings.check_training_opt_out, settings.version)
    outcomes = _read(job, plan, listing.archives)
    account = account_for(listing, outcomes, publishers, opt_outs)
    job.out.write_json(ACCOUNTING, account)
    _refuse_failures(outcomes, settings.max_failed_archives)
    found = summary(account, outcomes)
    if not found["articles"]:
        log.warning("no article of %s was found in %d archives", settings.period, len(outcomes))
    return found


def _admitted(publishers: Iterable[str], opt_outs: Mapping[str, OptOut]) -> tuple[str, ...]:
    """The publishers to read: those known to allow training, or all where that is unchecked."""
    admitted = []
    for name in publishers:
        opt_out = opt_outs.get(name)
        if opt_out is None or opt_out.allows_training:
            admitted.append(name)
        else:
            log.warning("left out publisher=%s %s", name, opt_out.why)
    if not admitted:
        raise BadInputError("no chosen publisher is known to allow training; choose others")
    return tuple(admitted)


def _read(job: Job[CrawlSettings], plan: Plan, archives: tuple[Archive, ...]) -> list[Outcome]:
    """Every archive's outcome, in the order of the archives; the parts are in the store."""
    outcomes: dict[str, Outcome] = {}
    with Progress("crawl", len(archives), "archives") as progress:

        def done(outcome: Outcome) -> None:
            outcomes[outcome.archive.name] = outcome
            progress.advance(1)

        write_parts(job.out, plan, archives, job.settings.processes, done)
    return [outcomes[archive.name] for archive in archives]


def _refuse_failures(outcomes: list[Outcome], allowed: int) -> None:
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    if len(failures) > allowed:
        raise TransientError(
            f"{len(failures)} of {len(outcomes)} archives failed: "
            f"{'; '.join(failure.why for failure in failures[:SHOWN_FAILURES])}; "
            "the parts of the others are kept, the same command continues; where an archive "
            "stays unreadable, --max-failed-archives goes on without it"
        )
