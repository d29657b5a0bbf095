"""Which archives can hold the articles of a period.

An archive is named by the moment its first page was captured, and takes in pages for some
hours. An article is captured after it was published, mostly within hours, sometimes within
days. So the archives that matter were begun between one day before the period (its last
archive may still be open when the period begins) and some days after it.
"""

import contextlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobs.crawl.beforehand import end_of_month, list_path
from jobs.crawl.server import Server
from jobs.crawl.transfer import MissingError
from jobs.errors import BadInputError

OPEN_FOR = timedelta(days=1)
MAX_SHOWN = 120
_ARCHIVE = re.compile(
    r"crawl-data/CC-NEWS/\d{4}/\d{2}/(CC-NEWS-(\d{14})-\d{1,9})\.warc\.gz", re.ASCII
)


@dataclass(frozen=True)
class Period:
    """A half-open interval in UTC: `start` included, `end` excluded."""

    start: datetime
    end: datetime

    @classmethod
    def month(cls, text: str) -> "Period":
        """The period written as 2026-10."""
        return cls(datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC), end_of_month(text))

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


@dataclass(frozen=True)
class Archive:
    """One WARC file: `path` as its server lists it, `begun` the moment it is named by."""

    path: str
    name: str
    begun: datetime

    @classmethod
    def parse(cls, path: str) -> "Archive":
        if match := _ARCHIVE.fullmatch(path):
            with contextlib.suppress(ValueError):
                begun = datetime.strptime(match[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
                return cls(path, match[1], begun)
        raise BadInputError(
            f"the server lists {path[:MAX_SHOWN]!r}, expected "
            "crawl-data/CC-NEWS/<year>/<month>/CC-NEWS-<moment, 14 digits>-<number>.warc.gz"
        )


@dataclass(frozen=True)
class Listing:
    """The archives to read, by time, and what each month's list gave: a count, or None (404)."""

    archives: tuple[Archive, ...]
    months: dict[str, int | None]


def capture_window(period: Period, days_after: int) -> Period:
    """When the archives were begun that can hold articles of `period`."""
    return Period(period.start - OPEN_FOR, period.end + timedelta(days=days_after))


def months_of(window: Period) -> list[str]:
    """The months that a window touches.

    >>> months_of(Period(datetime(2023, 12, 31, tzinfo=UTC), datetime(2024, 2, 8, tzinfo=UTC)))
    ['2023-12', '2024-01', '2024-02']
    """
    month, found = window.start.replace(day=1), []
    while month < window.end:
        found.append(f"{month:%Y-%m}")
        month = (month + timedelta(days=31)).replace(day=1)
    return found


def list_archives(server: Server, window: Period, required_month: str) -> Listing:
    """The archives begun within `window`, by the server's lists of its months.

    A month that the server does not have is noted and skipped; for `required_month` it is a
    BadInputError. A server that does not answer is a TransientError.
    """
    archives: dict[str, Archive] = {}
    months: dict[str, int | None] = {}
    for month in months_of(window):
        path = list_path(month)
        try:
            lines = server.unpacked(path).decode("ascii", "backslashreplace").split()
        except MissingError as error:
            if month == required_month:
                raise BadInputError(
                    f"the server has no archives of {month}: {server.url(path)} is not there; "
                    "correct --period or --ccnews-server"
                ) from error
            months[month] = None
            continue
        found = {item for item in map(Archive.parse, lines) if item.begun in window}
        months[month] = len(found)
        for archive in found:
            if archives.setdefault(archive.name, archive) != archive:
                raise BadInputError(f"the server lists {archive.name} in two folders")
    return Listing(tuple(sorted(archives.values(), key=lambda item: item.path)), months)
