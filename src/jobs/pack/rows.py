"""Packed rows as Parquet: one record a row, with the lengths of its documents."""

from collections.abc import Iterable
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.artifacts.writing import ArtifactWriter
from jobs.pack.packing import Row

ROWS_PER_GROUP = 256
GROUPS_PER_FILE = 64


def write_rows(out: ArtifactWriter, folder: str, rows: Iterable[Row], schema: pa.Schema) -> int:
    """Writes ``<folder>/part-00000.parquet`` …; returns how many rows. Bounded memory."""
    remaining, written, part = iter(rows), 0, 0
    group = list(islice(remaining, ROWS_PER_GROUP))
    while group:
        path = f"{folder}/part-{part:05d}.parquet"
        with out.open(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for _ in range(GROUPS_PER_FILE):
                writer.write_table(_table(group, schema))
                written += len(group)
                group = list(islice(remaining, ROWS_PER_GROUP))
                if not group:
                    break
        part += 1
    return written


def _table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    columns = {
        "input_ids": [row.ids for row in rows],
        "lengths": [row.lengths for row in rows],
        "loss_mask": [row.loss_mask for row in rows],
    }
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)
