"""One article a URL: of the captures of a URL in a corpus the newest is the article.

A page is captured again whenever an archive met it again, perhaps with its text changed. All of
these were published within the period, as a crawl keeps no other. Curate and pack both go by
this, as pack may be given articles that were not curated.
"""

import hashlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from jobs.artifacts.reading import Artifact
from jobs.kinds.articles import SCHEMA, read_articles

DIGEST_BYTES = 16
_LIVE = 2**63 - 1  # a live site is read as the crawl runs: after all that was archived
_TEXTS = [field.name for field in SCHEMA if field.type == pa.string()]


def older_captures(articles: Artifact) -> set[int]:
    """The positions in the corpus, from 0, of articles of whose URL there is a newer capture.

    Newer is what was captured later; then what was published later; then what a digest of all
    its texts says. So the choice does not depend on the order of parts or articles; only of
    wholly equal articles the first stays. One pass; memory: about 400 bytes a URL meanwhile.
    """
    newest: dict[bytes, tuple[int, int, bytes, int]] = {}
    older: set[int] = set()
    for position, (url, captured, published, digest) in enumerate(_captures(articles)):
        capture = (captured, published, digest, -position)
        known = newest.setdefault(url, capture)
        if known != capture:
            newest[url] = max(known, capture)
            older.add(-min(known, capture)[-1])
    return older


def _captures(articles: Artifact) -> Iterator[tuple[bytes, int, int, bytes]]:
    """Of each article: digest of its URL, times of capture and publication, digest of its texts."""
    for batch in read_articles(articles):
        captured = pc.fill_null(batch.column("captured_at").cast(pa.int64()), _LIVE)
        published = batch.column("published_at").cast(pa.int64())
        columns = [batch.column(name) for name in _TEXTS]
        times = zip(captured.to_pylist(), published.to_pylist(), strict=True)
        for index, (capture, publication) in enumerate(times):
            texts = [column[index].as_buffer() for column in columns]
            yield _digest(texts[:1]), capture, publication, _digest(texts)


def _digest(texts: list[pa.Buffer]) -> bytes:
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for text in texts:
        digest.update(len(text).to_bytes(8, "little"))
        digest.update(text)
    return digest.digest()
