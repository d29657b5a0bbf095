"""The demo's CC-NEWS mirror: the news as pages in WARC files, in the layout of the server.

A page holds what Fundus' parser for one publisher reads, and nothing else; the text is invented,
and the publisher has nothing to do with it. The bytes depend on the news alone: there is no
wall clock, and record ids come from the URLs.
"""

import base64
import gzip
import hashlib
import html
import json
import random
import re
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from demo.sample.news import Article, published

SITE = "https://www.voanews.com"
MONTHS = ("2026/08", "2026/09", "2026/10", "2026/11")
MAX_PAGES_PER_ARCHIVE = 250
MAX_MINUTES_TO_CAPTURE = 36 * 60
NOTE = "Invented text in the page layout of a Fundus publisher, for the demo of Perennial."

HTTP = "application/http; msgtype=response"
HTTP_HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Length: {length}\r\n\r\n"
)
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta property="og:title" content="{title}">
<meta name="generator" content="invented text, demo of Perennial">
<script type="application/ld+json">{data}</script></head>
<body><h1>{title}</h1><div id="article-content"><div>
{paragraphs}
</div></div></body></html>
"""


@dataclass(frozen=True)
class Page:
    """An article as a site shows it, and when it was published and captured."""

    article: Article
    url: str
    published_at: datetime
    captured_at: datetime

    def html(self) -> bytes:
        data = {
            "@type": "NewsArticle",
            "datePublished": self.published_at.isoformat(),
            "author": "Perennial Demo",
        }
        paragraphs = [f"<p>{html.escape(text)}</p>" for text in self.article.paragraphs]
        return PAGE.format(
            title=html.escape(self.article.title),
            data=json.dumps(data),
            paragraphs="\n".join(paragraphs),
        ).encode()


def pages() -> list[Page]:
    """All pages, by the time of their capture: hours after they are published."""
    rng = random.Random(41)
    found = []
    for number, (article, moment) in enumerate(published(), start=1000):
        slug = re.sub("[^a-z]+", "-", article.title.lower()).strip("-")
        delay = timedelta(minutes=rng.randint(60, MAX_MINUTES_TO_CAPTURE))
        found.append(Page(article, f"{SITE}/a/{slug}/{number}.html", moment, moment + delay))
    return sorted(found, key=lambda page: page.captured_at)


def mirror() -> dict[str, bytes]:
    """Path below the mirror's root → bytes: each month's archives and the list of them."""
    months = defaultdict[str, list[Page]](list)
    for page in pages():
        months[page.captured_at.strftime("%Y/%m")].append(page)
    files = {}
    for month in MONTHS:
        folder = f"crawl-data/CC-NEWS/{month}"
        archives: dict[str, bytes] = {}
        for start in range(0, len(months[month]), MAX_PAGES_PER_ARCHIVE):
            part = months[month][start : start + MAX_PAGES_PER_ARCHIVE]
            name = f"CC-NEWS-{part[0].captured_at:%Y%m%d%H%M%S}-{len(archives):05d}.warc.gz"
            archives[f"{folder}/{name}"] = archive(part, name)
        listing = "".join(f"{path}\n" for path in archives)
        files.update(archives)
        files[f"{folder}/warc.paths.gz"] = gzip.compress(listing.encode(), mtime=0)
    return files


def archive(part: Sequence[Page], name: str) -> bytes:
    """A WARC file: what it is, then the pages; each record compressed by itself, as in CC-NEWS."""
    about = f"description: {NOTE}\r\n".encode()
    records = [_record("warcinfo", name, part[0].captured_at, "application/warc-fields", about)]
    for page in part:
        content = page.html()
        response = HTTP_HEAD.format(length=len(content)).encode() + content
        records.append(_record("response", page.url, page.captured_at, HTTP, response))
    return b"".join(records)


def _record(kind: str, name: str, date: datetime, content_type: str, block: bytes) -> bytes:
    """One record. A response is named by its address, a warcinfo record by its file."""
    digest = hashlib.sha1(block, usedforsecurity=False).digest()
    head = (
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"{'WARC-Filename' if kind == 'warcinfo' else 'WARC-Target-URI'}: {name}",
        f"WARC-Date: {date:%Y-%m-%dT%H:%M:%SZ}",
        f"WARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}>",
        f"WARC-Block-Digest: sha1:{base64.b32encode(digest).decode()}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(block)}",
    )
    lines = "".join(f"{line}\r\n" for line in (*head, ""))
    return gzip.compress(lines.encode() + block + b"\r\n\r\n", mtime=0)
