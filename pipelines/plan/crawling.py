"""Whether the period can be crawled: what the crawl's settings foresee, and a mirror's list."""

import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus

from jobs.crawl.settings import CrawlSettings
from jobs.errors import BadInputError
from jobs.store.said import said
from pipelines.fleet.sections import section_keys
from pipelines.plan.given import check_given
from pipelines.plan.intent import Finding, Intent, Known

SERVER_SECONDS = 3.0
A_PERIOD = "2020-01"
"""One that can be crawled."""


def check_crawling(known: Known) -> Iterator[Finding]:
    """Nothing is asked of articles that are in the store: they are not crawled again."""
    planned = known.plan.steps if known.plan else ()
    if any(one.step.job == "crawl" and one.manifest for one in planned):
        return
    settings = _settings(known.intent)
    if settings is None:
        return
    intent = known.intent
    is_period = not intent.is_wrong("period")
    for field, why in settings.foreseen():
        if field != "period":
            yield Finding(intent.setting("crawl", field), why)
        elif is_period:
            is_period = False
            yield Finding(intent.flag("period"), f"{settings.period} {why}")
    if why := settings.unforeseen():
        yield Finding(intent.setting("crawl", "publishers"), why, False)
    if is_period and settings.is_mirrored():
        yield from _asked(settings, intent)


def _settings(intent: Intent) -> CrawlSettings | None:
    """None where they are wrong together. One that is wrong by itself, which is said of its
    parameter, is left out; for such a period stands `A_PERIOD`.
    """
    period = A_PERIOD if intent.is_wrong("period") else intent.parameters["period"]
    wrong = {finding.where.removeprefix("-p ") for finding in check_given(intent)}
    flags = [
        f"--{key.removeprefix('crawl-')}={intent.parameters[key]}"
        for key in section_keys("crawl")
        if key not in wrong
    ]
    try:
        return CrawlSettings.from_flags([f"--period={period}", "--out=/", *flags])
    except BadInputError:
        return None


def _asked(settings: CrawlSettings, intent: Intent) -> Iterator[Finding]:
    """Whether a mirror has the month's list; Common Crawl has those of its months."""
    url, answers = settings.list_url(), list[str]()
    missing = "is not there"

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=SERVER_SECONDS):  # noqa: S310  http(s) only
                answers.append("")
        except urllib.error.HTTPError as error:
            is_missing = error.code == HTTPStatus.NOT_FOUND
            answers.append(missing if is_missing else f"the server answers {error.code}")
        except (OSError, ValueError, http.client.HTTPException) as error:
            answers.append(_why(error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(SERVER_SECONDS)
    answer = answers[0] if answers else f"no answer within {SERVER_SECONDS:g} s"
    if answer == missing:
        yield Finding(
            intent.setting("crawl", "ccnews_server"),
            f"the server has no archives of {settings.period}: {url} {missing}; correct it, "
            "or the period",
        )
    elif answer:
        yield Finding(
            intent.setting("crawl", "ccnews_server"),
            f"not known whether it has archives of {settings.period}: {answer}",
            False,
        )


def _why(error: Exception) -> str:
    """In plain words, where Python has ``<urlopen error [Errno 111] Connection refused>``."""
    reason = getattr(error, "reason", error)
    return said(reason if isinstance(reason, Exception) else error)
