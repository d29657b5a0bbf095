"""Articles for tests: rows of the schema, their Parquet bytes in any shape, and corpora."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.artifacts.reading import Artifact
from jobs.kinds.articles import SCHEMA, write_part
from tests.support.pico import commit

MOMENT = datetime(2026, 10, 1, tzinfo=UTC)


def article(number: int, **changed: Any) -> dict[str, Any]:
    """An article like others, but for what is `changed`."""
    return {
        "url": f"https://news.example/{number}", "publisher": "Example", "title": "News",
        "body": f"Article {number}.", "language": "en", "published_at": MOMENT,
        "captured_at": MOMENT, "source": "archive", "training_opt_out": "unchecked", **changed,
    }  # fmt: skip


def part(rows: Sequence[dict[str, Any]]) -> bytes:
    """The file that a crawl would write."""
    file = io.BytesIO()
    write_part(file, pa.Table.from_pylist(list(rows), schema=SCHEMA))
    return file.getvalue()


def parquet(table: pa.Table, **options: Any) -> bytes:
    """A file as pyarrow writes it with these options."""
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def corpus(uri: str, *parts: bytes) -> Artifact:
    """An artifact of such parts."""
    files = {f"part-{number:05d}.parquet": data for number, data in enumerate(parts)}
    kept = sum(pq.read_metadata(io.BytesIO(data)).num_rows for data in parts)
    return commit(uri, "articles", files, kept=kept)
