"""Articles of one archive, by Fundus's parsers, with every page accounted for.

Fundus's own reader of archives is replaced by `ArchiveSource`, because it takes a truncated
archive for a whole one, waits for a silent server for ever, gives an archive up with no more
than a line in the log, and does not say which pages it left out. What a page means is Fundus's
alone: its choice of the publisher and the parser's version, its parsers, its rule for what is
a complete article.
"""

import contextlib
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any
from urllib.parse import urlsplit

import chardet
import langdetect
import lxml.etree  # type: ignore[import-untyped]
from fastwarc import ArchiveIterator, WarcRecord, WarcRecordType
from fastwarc.stream_io import StreamError
from fundus.publishers import Publisher
from fundus.scraping.article import Article
from fundus.scraping.filter import Requires
from fundus.scraping.html import HTML, WarcSourceInfo
from fundus.scraping.scraper import CCNewsScraper

from jobs.crawl.archives import Period
from jobs.errors import TransientError
from jobs.kinds.articles import CHECKED, UNCHECKED

MAX_PAGE_BYTES = 32 * 2**20
UNDETERMINED = "und"

# What becomes of a page of a chosen publisher: `KEPT`, or one of the reasons for dropping it.
KEPT = "kept"
DAMAGED = "damaged"  # fails its digest, has no date, or is larger than MAX_PAGE_BYTES
NO_ARTICLE = "no_article"  # the publisher's URLs of this form are no articles, by Fundus
UNDECODABLE = "undecodable"  # in no known character set
UNPARSABLE = "unparsable"  # the parser raised an error
INCOMPLETE = "incomplete"  # title, body or publication date is missing
OUTSIDE_PERIOD = "outside_period"

Tally = dict[str, Counter[str]]
"""Publisher's id → what became of its pages → how many."""


def make_repeatable() -> None:
    """Makes Fundus's languages and dates the same in every run and on every machine.

    langdetect draws random numbers unless seeded, and dateutil reads a time zone's
    abbreviation by the local zone.
    """
    langdetect.DetectorFactory.seed = 0
    os.environ["TZ"] = "UTC"
    time.tzset()


@dataclass
class ArchiveSource:
    """A source of pages for Fundus's scraper: one archive, read once from `stream`."""

    stream: IO[bytes]
    path: str
    named: Mapping[str, Publisher]

    def __post_init__(self) -> None:
        self.publishers = tuple(self.named.values())
        self.tally: Tally = defaultdict(Counter)
        self.num_records = 0
        self._current = ""
        self._hosts = {
            urlsplit(domain).netloc: name
            for name, publisher in self.named.items()
            for domain in [publisher.domain, *publisher.deprecated_domains]
        }

    def count(self, what: str) -> None:
        """Says what became of the page that `fetch` gave last."""
        self.tally[self._current][what] += 1

    def fetch(self, url_filter: object = None) -> Iterator[HTML]:  # noqa: ARG002  (Fundus's protocol)
        records = ArchiveIterator(
            self.stream, record_types=WarcRecordType.response, parse_http=False
        )
        try:
            for record in records:
                self.num_records += 1
                url = str(record.headers["WARC-Target-URI"])
                name = self._hosts.get(urlsplit(url).netloc)
                if name is not None:
                    self._current = name
                    page = self._page(record, url, self.named[name])
                    if isinstance(page, HTML):
                        yield page
                    else:
                        self.count(page)
        except StreamError as error:
            raise TransientError(f"{self.path} is not a readable archive: {error}") from error

    def _page(self, record: WarcRecord, url: str, publisher: Publisher) -> HTML | str:
        """The page of a record, or why there is none."""
        if publisher.url_filter is not None and publisher.url_filter(url):
            return NO_ARTICLE
        if record.record_date is None or record.content_length > MAX_PAGE_BYTES:
            return DAMAGED
        if not record.verify_block_digest():
            return DAMAGED
        record.parse_http()
        text = decoded(record.reader.read(), record.http_charset)
        if text is None:
            return UNDECODABLE
        headers, http_headers = dict(record.headers), dict(record.http_headers or {})
        info = WarcSourceInfo(publisher.name, self.path, headers, http_headers)
        return HTML(url, url, text, record.record_date, info)


def decoded(page: bytes, charset: str | None) -> str | None:
    """A page as text, by its declared character set or else the detected one."""
    if charset:
        with contextlib.suppress(UnicodeDecodeError, LookupError):
            return page.decode(charset)
    detected = chardet.detect(page)["encoding"]
    if detected:
        with contextlib.suppress(UnicodeDecodeError, LookupError):
            return page.decode(detected)
    return None


def read_articles_of(source: ArchiveSource, period: Period, checked: bool) -> list[dict[str, Any]]:
    """Rows of the complete articles published within `period`, by time, URL and capture."""
    required = Requires("title", "body", "publishing_date")

    def incomplete(extraction: dict[str, Any]) -> Any:
        missing = required(extraction)
        if missing:
            source.count(INCOMPLETE)
        return missing

    rows = []
    for article in CCNewsScraper(source).scrape("catch", extraction_filter=incomplete):
        if article.exception is not None:
            source.count(UNPARSABLE)
        elif (published := as_utc(article.publishing_date)) not in period:
            source.count(OUTSIDE_PERIOD)
        else:
            source.count(KEPT)
            rows.append(row(article, published, source.path, checked))
    return sorted(rows, key=lambda item: (item["published_at"], item["url"], item["captured_at"]))


def row(article: Article, published: datetime, path: str, checked: bool) -> dict[str, Any]:
    """One article as a row of `jobs.kinds.articles.SCHEMA`."""
    return {
        "url": storable(article.html.responded_url),
        "publisher": article.publisher,
        "title": storable(article.title),
        "body": storable(article.plaintext),
        "language": language_of(article),
        "published_at": published.astimezone(UTC),
        "captured_at": article.html.crawl_date.astimezone(UTC),
        "source": path,
        "training_opt_out": CHECKED if checked else UNCHECKED,
    }


def as_utc(moment: datetime) -> datetime:
    """A time with its zone; where a publisher writes none, it is taken for UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def language_of(article: Article) -> str:
    """The code of the language, as Fundus detects it from the body."""
    try:
        return str(article.lang or UNDETERMINED)
    except (ValueError, lxml.etree.LxmlError):  # the page could not be asked instead
        return UNDETERMINED


def storable(text: str) -> str:
    """Text without lone surrogates, which no UTF-8 file can hold."""
    return text.encode(errors="replace").decode()
