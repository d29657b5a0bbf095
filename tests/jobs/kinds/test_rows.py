"""Packed rows and held-out articles that are not what they should be: each ends as one line."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs.artifacts.manifest import Work
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.errors import BadInputError
from jobs.kinds import parquet_cost
from jobs.kinds.rows import (
    HELDOUT_ARTICLES,
    HELDOUT_ARTICLES_SCHEMA,
    MASKED_ROWS,
    ROWS,
    Row,
    read_heldout_articles,
    to_table,
)
from jobs.store.prefix import Prefix
from jobs.train.rows import Rows
from tests.support import articles as support
from tests.support.articles import article, part
from tests.support.pico import commit


def rows_artifact(uri: str, data: bytes, **settings: Any) -> Artifact:
    work = Work(kind="rows", producer="pack 2", settings=settings, inputs={})
    writer = ArtifactWriter(Prefix(uri), work, {})
    writer.write("train/part-00000.parquet", data)
    return writer.commit({})


def packed(*rows: tuple[Any, Any, Any]) -> bytes:
    columns = zip(*rows, strict=True)
    table = {name: list(column) for name, column in zip(MASKED_ROWS.names, columns, strict=True)}
    return support.parquet(pa.table(table, MASKED_ROWS))


HOSTILE_ROWS = {
    "truncated": packed(([1, 2], [2], [True, True]))[:-20],
    "articles": part([article(0)]),
    "wide tokens": support.parquet(pa.table({"input_ids": [[1]], "lengths": [[1]]})),
    "tokens that are floats": support.parquet(
        pa.table({"input_ids": [[1.0]], "lengths": pa.array([[1]], ROWS.field(1).type)})
    ),
    "no tokens": packed((None, [1], [True])),
    "a token that is null": packed(([1, None], [2], [True, True])),
    "a token below 0": packed(([1, -1], [2], [True, True])),
    "a token beyond the vocabulary": packed(([1, 10], [2], [True, True])),
    "more tokens than a row has": packed(([1] * 9, [9], [True] * 9)),
    "no lengths": packed(([1, 2], None, [True, True])),
    "lengths of less": packed(([1, 2], [1], [True, True])),
    "lengths of more": packed(([1, 2], [1, 2], [True, True])),
    "a negative length": packed(([1, 2], [3, -1], [True, True])),
    "a document of nothing": packed(([1, 2], [2, 0], [True, True])),
    "a short loss mask": packed(([1, 2], [2], [True])),
    "a loss mask that is null": packed(([1, 2], [2], None)),
}


@pytest.mark.parametrize("name", HOSTILE_ROWS)
def test_rows_that_are_none_are_refused(name: str, tmp_path: Path) -> None:
    rows = rows_artifact(f"{tmp_path}/rows", HOSTILE_ROWS[name], sequence_length=8)
    with pytest.raises(BadInputError, match=r"train/part-00000\.parquet"):
        Rows(rows, "train", vocabulary=10).first(5)


def test_a_row_that_repeats_a_token_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = support.parquet(to_table([Row.of([3] * 50_000, [50_000])], ROWS))
    assert len(data) < 2000
    rows = rows_artifact(f"{tmp_path}/rows", data, sequence_length=2**20)
    monkeypatch.setattr(parquet_cost, "MAX_VALUES", 2**15)
    with pytest.raises(BadInputError, match="a column of 1 rows claims 50000 values"):
        Rows(rows, "train", vocabulary=10).first(1)


@pytest.mark.parametrize("said", [{}, {"sequence_length": "8"}, {"sequence_length": 2**40}])
def test_rows_of_no_known_length_are_refused(said: dict[str, Any], tmp_path: Path) -> None:
    rows = rows_artifact(f"{tmp_path}/rows", packed(([1], [1], [True])), **said)
    with pytest.raises(BadInputError, match="sequence_length is"):
        Rows(rows, "train", vocabulary=10)


@pytest.mark.parametrize("name", ["truncated", "other columns", "a null", "not UTF-8"])
def test_heldout_articles_that_are_none_are_refused(name: str, tmp_path: Path) -> None:
    row = {"url": ["u"], "title": ["t"], "body": [None] if name == "a null" else ["b"]}
    table = pa.table(row, HELDOUT_ARTICLES_SCHEMA)
    if name == "not UTF-8":
        table = table.set_column(2, "body", pa.array([b"\xff"]).view(pa.string()))
    data = part([article(0)]) if name == "other columns" else support.parquet(table)
    data = data[:-9] if name == "truncated" else data
    rows = commit(f"{tmp_path}/rows", "rows", {HELDOUT_ARTICLES: data})
    with pytest.raises(BadInputError, match=HELDOUT_ARTICLES):
        read_heldout_articles(rows)
