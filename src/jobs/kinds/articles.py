"""Articles as crawl and curate write them and pack reads them: Parquet parts of one schema.

A part holds the articles of one archive, some ten megabytes at most, so it is read whole and
its digest checked; a corpus is a sequence of parts and is never held whole.
"""

from collections.abc import Iterator, Mapping
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.artifacts.hashing import HashingFile
from jobs.artifacts.reading import Artifact

CHECKED, UNCHECKED = "checked", "unchecked"

TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("publisher", pa.string()),
        ("title", pa.string()),
        ("body", pa.string()),  # plain text, paragraphs separated by blank lines
        ("language", pa.string()),
        ("published_at", TIME),
        ("captured_at", TIME),  # null where the source is a live site
        ("source", pa.string()),  # path of the archive, as its server lists it
        ("training_opt_out", pa.string()),  # CHECKED or UNCHECKED
    ]
)
ROW_GROUP_ROWS = 1024


def article_parts(artifact: Artifact) -> list[str]:
    """Paths of the Parquet files that hold the articles, sorted."""
    return [path for path in artifact.paths if path.startswith("part-")]


def read_articles(artifact: Artifact, batch_rows: int = ROW_GROUP_ROWS) -> Iterator[pa.RecordBatch]:
    """All articles in order, in batches of `SCHEMA`; one part is in memory at a time."""
    for path in article_parts(artifact):
        yield from read_part(artifact, path, batch_rows)


def read_part(
    artifact: Artifact, path: str, batch_rows: int = ROW_GROUP_ROWS
) -> Iterator[pa.RecordBatch]:
    """The articles of one part, its digest checked."""
    file = pq.ParquetFile(pa.BufferReader(artifact.read(path)))
    yield from file.iter_batches(batch_rows, columns=SCHEMA.names)


def write_part(
    target: IO[bytes] | HashingFile, table: pa.Table, metadata: Mapping[str, str] | None = None
) -> None:
    """One Parquet file with page checksums: equal tables (and metadata) give equal bytes."""
    schema = table.schema.with_metadata(dict(metadata) if metadata else None)
    with pq.ParquetWriter(target, schema, compression="zstd", write_page_checksum=True) as writer:
        writer.write_table(table.cast(schema), row_group_size=ROW_GROUP_ROWS)
