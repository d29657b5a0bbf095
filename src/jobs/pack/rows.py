"""Packed rows as Parquet: one record a row, with the lengths of its documents."""

from collections.abc import Iterable
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.artifacts.writing import ArtifactWriter
from jobs.kinds.rows import Row, file_name, to_table

ROWS_PER_GROUP = 256
GROUPS_PER_FILE = 64


def write_rows(out: ArtifactWriter, split: str, rows: Iterable[Row], schema: pa.Schema) -> int:
    """Writes the files of a split; returns how many rows. Bounded memory."""
    remaining, written, number = iter(rows), 0, 0
    group = list(islice(remaining, ROWS_PER_GROUP))
    while group:
        path = file_name(split, number)
        with out.open(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for _ in range(GROUPS_PER_FILE):
                writer.write_table(to_table(group, schema))
                written += len(group)
                group = list(islice(remaining, ROWS_PER_GROUP))
                if not group:
                    break
        number += 1
    return written
