"""Real pages: whatever Fundus completes from them must arrive, and nothing else."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fundus import CCNewsCrawler, PublisherCollection

from jobs.crawl.archives import Archive, Period, list_archives
from jobs.crawl.publishers import choose
from jobs.crawl.reading import KEPT, ArchiveReader
from jobs.crawl.repeatable import make_repeatable
from jobs.crawl.server import Server
from jobs.kinds.articles import read_articles
from tests.jobs.crawl.conftest import Crawl
from tests.support.ccnews_server import Mirror, serve
from tests.support.paths import SHARED

REAL_PAGES = SHARED / "ccnews"

pytestmark = pytest.mark.skipif(
    not REAL_PAGES.is_dir(), reason="the real pages lie outside the repository, in ../shared/ccnews"
)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with serve(REAL_PAGES) as running:
        yield running


@pytest.mark.slow
def test_every_article_that_fundus_completes_arrives(mirror: Mirror) -> None:
    start, end = datetime(2023, 1, 1), datetime(2026, 8, 1)
    make_repeatable()
    logging.getLogger("fundus").propagate = False
    crawler = CCNewsCrawler(
        PublisherCollection,
        start=start,
        end=end,
        processes=0,
        disable_tqdm=True,
        server_address=mirror.address,
    )
    expected = {
        (article.html.requested_url, article.title, str(article.body), article.lang)
        for article in crawler.crawl()
    }
    assert len(expected) == 118

    server, publishers = Server(mirror.address, 0), choose(["all"])
    window = Period(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))
    ever = Period(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    rows: list[dict[str, Any]] = []
    for archive in list_archives(server, window, "2023-01").archives:
        rows += read_all(server, archive, publishers, ever)
    assert len(rows) == 118
    found = {(row["url"], row["title"], row["body"], row["language"]) for row in rows}
    assert found == expected
    assert sum(row["language"] == "en" for row in rows) == 41


def read_all(
    server: Server, archive: Archive, publishers: dict[str, Any], period: Period
) -> list[dict[str, Any]]:
    with server.stream(archive.path) as packed:
        reader = ArchiveReader(packed, archive.path, publishers)
        rows = reader.articles(period, checked=False)
    assert sum(counts[KEPT] for counts in reader.tally.values()) == len(rows)
    return rows


def test_april_2024_by_publication_date(run_crawl: Crawl, tmp_path: Path) -> None:
    artifact = run_crawl(tmp_path / "out", publishers="all")
    # 23 pages were captured in April and all were published in it; one more, captured in May,
    # was published in May. (Counted by hand from the dates that plain Fundus prints.)
    assert artifact.statistics["articles"] == 23
    assert artifact.statistics["dropped"] == {"outside_period": 1}
    assert artifact.statistics["languages"] == {"de": 15, "en": 6, "fr": 1, "tr": 1}
    days = {
        moment.strftime("%Y-%m")
        for batch in read_articles(artifact)
        for moment in batch["published_at"].to_pylist()
    }
    assert days == {"2024-04"}
