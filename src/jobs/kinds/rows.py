"""What an artifact of kind ``rows`` holds: packed rows by split, and the articles held out as text.

train/part-00000.parquet …      one record a row (`ROWS`, or `MASKED_ROWS` for conversations)
heldout/part-00000.parquet …    the same of the articles kept out of training
heldout-articles.parquet        these articles as text, for evaluation by any tokenizer
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.errors import BadInputError
from jobs.kinds.parquet import ParquetFile
from jobs.words import shown

TRAIN: Final = "train"
HELDOUT: Final = "heldout"
SPLITS = (TRAIN, HELDOUT)

ROWS = pa.schema([("input_ids", pa.list_(pa.int32())), ("lengths", pa.list_(pa.int32()))])
MASKED_ROWS = ROWS.append(pa.field("loss_mask", pa.list_(pa.bool_())))

HELDOUT_ARTICLES = "heldout-articles.parquet"


class HeldoutArticle(NamedTuple):
    """An article kept out of training, as text."""

    url: str
    title: str
    body: str


HELDOUT_ARTICLES_SCHEMA = pa.schema([(name, pa.string()) for name in HeldoutArticle._fields])
HELDOUT_GROUP_CHARACTERS = 2**22
MAX_SEQUENCE_LENGTH = 2**20


Tokens = npt.NDArray[np.int32]
"""Token ids [n]."""
Mask = npt.NDArray[np.bool_]
"""Which tokens carry loss [n]."""


@dataclass(eq=False)
class Row:
    """Documents side by side: token ids [n], the documents' lengths, which sum to n, and which
    tokens carry loss [n] (None: all but the first of each document).
    """

    ids: Tokens
    lengths: list[int]
    loss_mask: Mask | None = None

    @classmethod
    def of(cls, ids: list[int], lengths: list[int], loss_mask: list[bool] | None = None) -> "Row":
        """From Python's own lists."""
        mask = None if loss_mask is None else np.array(loss_mask, dtype=bool)
        return cls(np.array(ids, dtype=np.int32), lengths, mask)

    @property
    def labelled_tokens(self) -> int:
        """Tokens that carry loss; a document's first never does: nothing stands before it."""
        if self.loss_mask is None:
            return len(self.ids) - len(self.lengths)
        return int(self.loss_mask.sum() - self.loss_mask[self.starts()].sum())

    def starts(self) -> Tokens:
        """Indices of the documents' first tokens."""
        return np.cumsum([0, *self.lengths], dtype=np.int32)[:-1]


def file_name(split: str, number: int) -> str:
    """Path of a split's file, below the artifact."""
    return f"{split}/part-{number:05d}.parquet"


def files_of(artifact: Artifact, split: str) -> list[str]:
    """Paths of a split's files, in order."""
    return [path for path in artifact.paths if path.startswith(f"{split}/")]


def to_table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Rows as a table of `ROWS` or `MASKED_ROWS`."""
    masks = [row.loss_mask for row in rows if row.loss_mask is not None]
    columns = {
        "input_ids": _lists([row.ids for row in rows]),
        "lengths": _lists([np.array(row.lengths, dtype=np.int32) for row in rows]),
        "loss_mask": _lists(masks),
    }
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def _lists(arrays: Sequence[npt.NDArray[Any]]) -> pa.ListArray:
    """A list for each."""
    ends = np.cumsum([0, *map(len, arrays)], dtype=np.int32)
    values = np.concatenate(arrays) if arrays else np.array([], dtype=np.int32)
    return pa.ListArray.from_arrays(ends, pa.array(values))


def write_heldout_articles(out: ArtifactWriter, articles: Iterable[HeldoutArticle]) -> None:
    """Writes `HELDOUT_ARTICLES`. Memory: `HELDOUT_GROUP_CHARACTERS`, or one article."""
    group: list[HeldoutArticle] = []
    with (
        out.open(HELDOUT_ARTICLES) as file,
        pq.ParquetWriter(
            file, HELDOUT_ARTICLES_SCHEMA, use_dictionary=False, write_batch_size=1
        ) as writer,
    ):
        size = 0
        for article in articles:
            if group and size + len(article.body) > HELDOUT_GROUP_CHARACTERS:
                writer.write_table(_heldout_table(group))
                group, size = [], 0
            group.append(article)
            size += len(article.body)
        writer.write_table(_heldout_table(group))


def _heldout_table(articles: Sequence[HeldoutArticle]) -> pa.Table:
    return pa.Table.from_pylist(
        [article._asdict() for article in articles], schema=HELDOUT_ARTICLES_SCHEMA
    )


def read_heldout_articles(artifact: Artifact) -> pa.Table:
    """The articles of `HELDOUT_ARTICLES`, of its schema. Raises BadInputError."""
    file = ParquetFile.of(artifact, HELDOUT_ARTICLES, HELDOUT_ARTICLES_SCHEMA)
    table = file.table()
    if any(column.null_count for column in table.columns):
        raise file.error("an article lacks its URL, title or body")
    return table


def sequence_length(artifact: Artifact) -> int:
    """Tokens of a row, as pack was told. Raises BadInputError where the manifest does not say."""
    found = artifact.manifest.settings.get("sequence_length")
    if not isinstance(found, int) or not 0 < found <= MAX_SEQUENCE_LENGTH:
        raise BadInputError(
            f"rows {artifact.uri}: setting sequence_length is {shown(found)} in the manifest, "
            f"expected 1 to {MAX_SEQUENCE_LENGTH}; pack again"
        )
    return found


class RowsFile:
    """One file of packed rows, read a row group at a time."""

    def __init__(self, artifact: Artifact, path: str) -> None:
        self._file = ParquetFile.of(artifact, path, ROWS, MASKED_ROWS, in_place=True)
        self._longest = sequence_length(artifact)
        self.group_rows = self._file.group_rows
        self.masked = MASKED_ROWS.names[-1] in self._file.schema.names

    def read(self, group: int, vocabulary: int) -> list[Row]:
        """The rows of a group. Raises BadInputError unless they are whole, and of tokens below
        `vocabulary`.
        """
        table = self._file.group(group)
        with self._file.checked():
            self._check_tokens(table, vocabulary)
        rows = from_table(table)
        if any(sum(row.lengths) != len(row.ids) for row in rows):
            raise self._file.error("the lengths of a row's documents are not those of its tokens")
        if any(row.loss_mask is not None and len(row.loss_mask) != len(row.ids) for row in rows):
            raise self._file.error("a row's loss mask is not as long as its tokens")
        return rows

    def _check_tokens(self, table: pa.Table, vocabulary: int) -> None:
        """While they are Arrow's: as Python's they take ten times the memory."""
        if any(column.null_count or pc.list_flatten(column).null_count for column in table.columns):
            raise self._file.error("a row lacks tokens, lengths or its loss mask")
        longest = pc.max(pc.list_value_length(table["input_ids"])).as_py() or 0
        if longest > self._longest:
            raise self._file.error(f"a row has {longest} tokens, expected up to {self._longest}")
        least, most = pc.min_max(pc.list_flatten(table["input_ids"])).as_py().values()
        if least is not None and not 0 <= least <= most < vocabulary:
            raise self._file.error(
                f"its tokens are {least} to {most}, the model's 0 to {vocabulary - 1}; "
                "pack with the tokenizer of the model"
            )
        shortest = pc.min(pc.list_flatten(table["lengths"])).as_py()
        if shortest is not None and shortest < 1:
            raise self._file.error("a document of a row has no tokens")


def from_table(table: pa.Table) -> list[Row]:
    """The rows of such a table."""
    ids, lengths = (_arrays(table[name]) for name in ROWS.names)
    masked = MASKED_ROWS.names[-1] in table.schema.names
    masks = _arrays(table["loss_mask"]) if masked else [None] * table.num_rows
    fields = zip(ids, lengths, masks, strict=True)
    return [Row(tokens, documents.tolist(), mask) for tokens, documents, mask in fields]


def _arrays(column: pa.ChunkedArray) -> list[npt.NDArray[Any]]:
    """Each list as an array."""
    ends = np.cumsum(pc.list_value_length(column).to_numpy())
    values = pc.list_flatten(column).to_numpy()
    return np.split(values, ends[:-1]) if len(ends) else []
