"""What an artifact of kind ``rows`` holds: packed rows by split, and the articles held out as text.

train/part-00000.parquet …      one record a row (`ROWS`, or `MASKED_ROWS` for conversations)
heldout/part-00000.parquet …    the same of the articles kept out of training
heldout-articles.parquet        these articles as text, for evaluation by any tokenizer
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from jobs.artifacts.reading import Artifact

TRAIN: Final = "train"
HELDOUT: Final = "heldout"
SPLITS = (TRAIN, HELDOUT)

ROWS = pa.schema([("input_ids", pa.list_(pa.int32())), ("lengths", pa.list_(pa.int32()))])
MASKED_ROWS = ROWS.append(pa.field("loss_mask", pa.list_(pa.bool_())))

HELDOUT_ARTICLES = "heldout-articles.parquet"
HELDOUT_ARTICLES_SCHEMA = pa.schema([(name, pa.string()) for name in ("url", "title", "body")])


@dataclass
class Row:
    """Documents side by side: token ids [n], the documents' lengths, which sum to n, and which
    tokens carry loss [n] (None: all but the first of each document).
    """

    ids: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    loss_mask: list[bool] | None = None

    @property
    def labelled_tokens(self) -> int:
        """Tokens that carry loss; a document's first never does: nothing stands before it."""
        if self.loss_mask is None:
            return len(self.ids) - len(self.lengths)
        starts = self.starts()
        return sum(on and index not in starts for index, on in enumerate(self.loss_mask))

    def starts(self) -> set[int]:
        """Indices of the documents' first tokens."""
        starts, at = set(), 0
        for length in self.lengths:
            starts.add(at)
            at += length
        return starts


def file_name(split: str, number: int) -> str:
    """Path of a split's file, below the artifact."""
    return f"{split}/part-{number:05d}.parquet"


def files_of(artifact: Artifact, split: str) -> list[str]:
    """Paths of a split's files, in order."""
    return [path for path in artifact.paths if path.startswith(f"{split}/")]


def to_table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Rows as a table of `ROWS` or `MASKED_ROWS`."""
    columns = {
        "input_ids": [row.ids for row in rows],
        "lengths": [row.lengths for row in rows],
        "loss_mask": [row.loss_mask for row in rows],
    }
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def from_table(table: pa.Table) -> list[Row]:
    """The rows of such a table."""
    columns = table.to_pydict()
    masks = columns.get("loss_mask") or [None] * table.num_rows
    fields = zip(columns["input_ids"], columns["lengths"], masks, strict=True)
    return [Row(ids, lengths, mask) for ids, lengths, mask in fields]


def is_masked(schema: pa.Schema) -> bool:
    """Whether rows of this schema say which tokens carry loss."""
    return "loss_mask" in schema.names
