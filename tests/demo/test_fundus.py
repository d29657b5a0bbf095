"""Real Fundus reads every page of the demo's mirror, served over loopback, without loss."""

from collections import Counter
from datetime import datetime

import pytest

from demo.sample.archives import pages
from demo.sample.generate import DATA
from demo.server import serve

pytest.importorskip("fundus")


@pytest.mark.slow
def test_every_page_comes_out_as_it_went_in() -> None:
    from fundus import CCNewsCrawler, PublisherCollection

    with serve(DATA / "ccnews") as address:
        crawler = CCNewsCrawler(
            *PublisherCollection,
            start=datetime(2026, 8, 1),
            end=datetime(2026, 11, 3),
            processes=0,
            disable_tqdm=True,
            server_address=address,
        )
        crawled = list(crawler.crawl())
    got = Counter(
        (
            article.html.responded_url,
            article.publisher,
            article.title,
            str(article.body),
            article.lang,
            article.publishing_date,
            article.html.crawl_date,
        )
        for article in crawled
    )
    want = Counter(
        (
            page.url,
            "Voice Of America",
            page.article.title,
            page.article.body,
            "en",
            page.published_at,
            page.captured_at,
        )
        for page in pages()
    )
    assert got == want
