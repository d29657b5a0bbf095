"""Articles as crawl and curate write them and pack reads them: Parquet parts of one schema.

A part holds the articles of one archive. Articles are read and written in batches by size, so
that memory follows neither their number nor, but for the largest single one, their length; a
corpus is a sequence of parts and is never held whole.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.artifacts.hashing import HashingFile
from jobs.artifacts.reading import Artifact
from jobs.kinds.parquet import ParquetFile

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
MAY_BE_NULL = {"captured_at"}
REPEATED = ["publisher", "language", "source", "training_opt_out"]
ROW_GROUP_ROWS = 1024
ROW_GROUP_BYTES = 2**23
ROWS_PER_PAGE = 16
_TIMES = (-62_135_596_800_000_000, 253_402_300_799_999_999)
"""The first and the last microsecond that a Python datetime holds: of years 1 and 9999."""


def article_parts(artifact: Artifact) -> list[str]:
    """Paths of the Parquet files that hold the articles, sorted."""
    return [path for path in artifact.paths if path.startswith("part-")]


def read_articles(artifact: Artifact) -> Iterator[pa.RecordBatch]:
    """All articles in order, in batches as of `read_part`."""
    for path in article_parts(artifact):
        yield from read_part(artifact, path)


def read_part(artifact: Artifact, path: str) -> Iterator[pa.RecordBatch]:
    """The articles of one part, its digest checked, in batches of `SCHEMA`.

    A batch is at most `ROW_GROUP_ROWS` articles that take at most `parquet.BATCH_BYTES`, or one
    article. Only `MAY_BE_NULL` may be null, and times are those of datetimes. Raises
    BadInputError.
    """
    file = ParquetFile.of(artifact, path, SCHEMA)
    for batch in file.batches(ROW_GROUP_ROWS):
        for name in SCHEMA.names:
            column = batch.column(name)
            if column.null_count and name not in MAY_BE_NULL:
                raise file.error(f"an article has no {name}")
            if SCHEMA.field(name).type == TIME and not _are_times(column):
                raise file.error(f"a time in {name} is before the year 1 or after 9999")
        yield batch


def _are_times(column: pa.Array) -> bool:
    found = pc.min_max(column.cast(pa.int64())).as_py()
    return found["min"] is None or _TIMES[0] <= found["min"] <= found["max"] <= _TIMES[1]


def write_part(
    target: IO[bytes] | HashingFile, table: pa.Table, metadata: Mapping[str, str] | None = None
) -> None:
    """The same as `write_batches`, of a table that is in memory."""
    write_batches(target, table.to_batches(), metadata)


def write_batches(
    target: IO[bytes] | HashingFile,
    batches: Iterable[pa.RecordBatch],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """One Parquet file with page checksums: equal articles (and metadata) give equal bytes.

    A row group is at most `ROW_GROUP_ROWS` articles of `ROW_GROUP_BYTES` together, or one article.
    """
    schema = SCHEMA.with_metadata(dict(metadata) if metadata else None)
    with pq.ParquetWriter(
        target,
        schema,
        compression="zstd",
        use_dictionary=REPEATED,
        write_batch_size=ROWS_PER_PAGE,
        write_statistics=False,  # nobody asks for them, and no checksum covers them
        write_page_checksum=True,
    ) as writer:
        for group in _row_groups(batches):
            writer.write_table(group.cast(schema))


def _row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same articles, cut without regard to where the batches are cut."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        start = 0
        for index, length in enumerate(_lengths(batch)):
            if rows and (rows == ROW_GROUP_ROWS or size + length > ROW_GROUP_BYTES):
                yield pa.Table.from_batches([*held, batch[start:index]]).combine_chunks()
                held, start, rows, size = [], index, 0, 0
            rows, size = rows + 1, size + length
        held.append(batch[start:])
    if rows:
        yield pa.Table.from_batches(held).combine_chunks()


def _lengths(batch: pa.RecordBatch) -> list[int]:
    """Bytes of the texts of each article."""
    columns = [column for column in batch.columns if column.type == pa.string()]
    lengths = [pc.fill_null(pc.binary_length(column), 0).to_pylist() for column in columns]
    return [sum(row) for row in zip(*lengths, strict=True)]
