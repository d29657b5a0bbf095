"""Articles of one archive, by Fundus's parsers, with every page accounted for.

Fundus's own reader of archives is replaced by `ArchiveReader`, because it takes a truncated
archive for a whole one, waits for a silent server for ever, gives an archive up with no more
than a line in the log, and does not say which pages it left out. What a page means is Fundus's
alone: its choice of the publisher and the parser's version, its parsers, its rule for what is
a complete article.

Whatever error a record meets is that record's own: it is counted, and the next one is read.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import lxml.etree  # type: ignore[import-untyped]
from fundus.publishers import Publisher
from fundus.scraping.article import Article
from fundus.scraping.filter import Requires
from fundus.scraping.html import HTML, WarcSourceInfo
from fundus.scraping.scraper import CCNewsScraper

from jobs.crawl.archives import Period
from jobs.crawl.characters import decoded, without_prolog
from jobs.crawl.tags import has_endless_tag
from jobs.crawl.warc import BrokenArchiveError, Record, parsed, records
from jobs.errors import TransientError
from jobs.kinds.articles import CHECKED, UNCHECKED

UNDETERMINED = "und"

# What becomes of a page of a chosen publisher: `KEPT`, or one of the reasons for dropping it.
KEPT = "kept"
DAMAGED = "damaged"  # wrong length or digest, no date, or too large
NO_ARTICLE = "no_article"  # the publisher's URLs of this form are no articles, by Fundus
UNDECODABLE = "undecodable"  # in no known character set
UNPARSABLE = "unparsable"  # the parser raised an error, would take too long, or makes no row
INCOMPLETE = "incomplete"  # title, body or publication date is missing
OUTSIDE_PERIOD = "outside_period"

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s\"';,]+)", re.IGNORECASE)
_CONTROLS = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_AS_WINDOWS_1252 = {chr(code): bytes([code]).decode("cp1252", "ignore") for code in range(128, 160)}

Tally = dict[str, Counter[str]]
"""Publisher's id → what became of its pages → how many."""


class ArchiveReader:
    """Reads one archive once, from the function `packed` that gives its next bytes.

    `num_records` counts responses and damaged records. `tally` says what became of each page of
    the publishers in `named`; `num_damaged` counts the damaged records of no such publisher, and
    `num_repaired` the pages in which bytes that are no characters were replaced.
    """

    def __init__(
        self, packed: Callable[[], bytes], path: str, named: Mapping[str, Publisher]
    ) -> None:
        self.tally: Tally = defaultdict(Counter)
        self.num_records = self.num_damaged = self.num_repaired = 0
        self._packed, self._path, self._named = packed, path, named
        self._scraper = PageScraper(named.values())
        self._hosts = {
            urlsplit(domain).netloc: name
            for name, publisher in named.items()
            for domain in [publisher.domain, *publisher.deprecated_domains]
        }

    def articles(self, period: Period, checked: bool) -> list[dict[str, Any]]:
        """Rows of the complete articles published within `period`, by time, URL and capture."""
        rows = []
        for name, record in self.responses():
            what = self._row_of(name, record, period, checked)
            if isinstance(what, dict):
                rows.append(what)
            self.tally[name][KEPT if isinstance(what, dict) else what] += 1
        return sorted(
            rows, key=lambda item: (item["published_at"], item["url"], item["captured_at"])
        )

    def responses(self) -> Iterator[tuple[str, Record]]:
        """The records of the publishers, with their names. Raises TransientError."""
        try:
            for record in records(self._packed):
                self.num_records += 1
                name = self._hosts.get(host_of(record.url))
                if name is not None:
                    yield name, record
                elif record.data is None or record.url is None:
                    self.num_damaged += 1
        except BrokenArchiveError as error:
            raise TransientError(f"{self._path} cannot be read to its end: {error}") from error

    def _row_of(
        self, name: str, record: Record, period: Period, checked: bool
    ) -> dict[str, Any] | str:
        """The article of a record as a row, or why there is none."""
        try:
            page = self._page(record, self._named[name])
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  whatever a record brings about
            return DAMAGED
        if isinstance(page, str):
            return page
        try:
            article = self._scraper.article(page)
            if isinstance(article, str):
                return article
            published = as_utc(article.publishing_date)
            if published not in period:
                return OUTSIDE_PERIOD
            return row(article, published, self._path, checked)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  whatever a page brings about
            return UNPARSABLE

    def _page(self, record: Record, publisher: Publisher) -> HTML | str:
        """The page of a record, or why there is none."""
        url = record.url or ""
        if publisher.url_filter is not None and publisher.url_filter(url):
            return NO_ARTICLE
        if record.data is None:
            return DAMAGED
        found = parsed(record.data)
        if found is None or found.record_date is None:
            return DAMAGED
        found.parse_http()
        # FastWARC's own http_charset raises on some, and keeps quotation marks.
        content_type = found.http_headers.get("Content-Type") if found.http_headers else None
        charset = _CHARSET.search(content_type or "")
        read = decoded(found.reader.read(), charset and charset[1])
        if read is None:
            return UNDECODABLE
        if has_endless_tag(read.text):
            return UNPARSABLE
        self.num_repaired += read.num_replaced > 0
        headers, http_headers = dict(found.headers), dict(found.http_headers or {})
        info = WarcSourceInfo(publisher.name, self._path, headers, http_headers)
        return HTML(url, url, without_prolog(read.text), found.record_date, info)


class PageScraper:
    """Fundus's scraper, for one page at a time: an error ends its iterator, so each has its own.

    To it, this is also the source of the page.
    """

    def __init__(self, publishers: Iterable[Publisher]) -> None:
        self.publishers = tuple(publishers)
        self._scraper = CCNewsScraper(self)
        self._requires = Requires("title", "body", "publishing_date")
        self._page: HTML

    def fetch(self, url_filter: object = None) -> Iterator[HTML]:  # noqa: ARG002  (Fundus's protocol)
        yield self._page

    def article(self, page: HTML) -> Article | str:
        """The complete article, or why there is none. Raises whatever the parser raises."""
        self._page = page
        for article in self._scraper.scrape("catch", extraction_filter=self._missing):
            if article.exception is not None:
                raise article.exception
            return article
        return INCOMPLETE

    def _missing(self, extraction: dict[str, Any]) -> Any:
        for value in extraction.values():
            if isinstance(value, MemoryError):
                raise value
        return self._requires(extraction)


def host_of(url: str | None) -> str:
    """The host that a URL names, empty where it is none (as with brackets that hold no address)."""
    try:
        return urlsplit(url or "").netloc
    except ValueError:
        return ""


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
    """Text without what no article holds: lone surrogates, and control characters.

    Those from U+0080 to U+009F are the characters of windows-1252, as the web has them where a
    page names them by number (&#146;); the others are left out.
    """
    whole = text.encode(errors="replace").decode()
    return _CONTROLS.sub(lambda found: _AS_WINDOWS_1252.get(found[0], ""), whole)
