"""Parquet files of strangers: what is not as it should be ends as one line, in little memory.

pyarrow itself is the peer that writes them; the bombs are real ones under lowered bounds.
"""

import io
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.errors import BadInputError
from jobs.kinds import parquet, parquet_cost
from jobs.kinds.articles import SCHEMA, TIME, read_articles
from jobs.kinds.parquet import ParquetFile
from tests.support import articles as support
from tests.support.articles import article, part
from tests.support.pico import commit

GOOD = part([article(number) for number in range(40)])
TABLE = pa.Table.from_pylist([article(number) for number in range(40)], schema=SCHEMA)
FOOTER = int.from_bytes(GOOD[-8:-4], "little")
ARTICLES = "part-00000.parquet"


def changed(name: str, column: pa.Array) -> bytes:
    return support.parquet(TABLE.set_column(SCHEMA.get_field_index(name), name, column))


def cast(name: str, kind: pa.DataType) -> bytes:
    return changed(name, TABLE[name].cast(kind))


def texts(*values: bytes) -> pa.Array:
    """Forty texts of these bytes, whether they are UTF-8 or not."""
    return pa.array([values[n % len(values)] for n in range(40)], pa.binary()).view(pa.string())


def with_one(value: int) -> pa.Array:
    return pa.array([value, *[0] * 39], TIME)


def altered(data: bytes) -> bytes:
    """With the last bytes of the bodies' last page turned over."""
    column = pq.read_metadata(io.BytesIO(data)).row_group(0).column(3)
    end = (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size
    return data[: end - 4] + bytes(byte ^ 255 for byte in data[end - 4 : end]) + data[end:]


HOSTILE_ARTICLES = {
    "empty": b"",
    "only the magic": b"PAR1PAR1",
    "text": b"url,title\nhttps://news.example,News\n",
    "begins otherwise": b"PAR2" + GOOD[4:],
    "truncated": GOOD[: len(GOOD) // 2],
    "cut at its front": GOOD[100:],
    "a footer that is encrypted": GOOD[:-4] + b"PARE",
    "a footer longer than the file": GOOD[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1",
    "a footer of nothing": GOOD[:-8] + bytes(4) + b"PAR1",
    "a footer of zeros": GOOD[: -8 - FOOTER] + bytes(FOOTER) + GOOD[-8:],
    "a footer of ones": GOOD[: -8 - FOOTER] + b"\xff" * FOOTER + GOOD[-8:],
    "a page that was altered": altered(GOOD),
    "no column": support.parquet(pa.table({})),
    "other columns": support.parquet(pa.table({"text": ["a"]})),
    "a column less": support.parquet(TABLE.drop_columns(["body"])),
    "a column more": support.parquet(TABLE.append_column("x", pa.array(range(40)))),
    "two columns of one name": support.parquet(TABLE.append_column("url", TABLE["url"])),
    "numbers for texts": changed("body", pa.array(range(40))),
    "bytes for texts": cast("body", pa.binary()),
    "large strings": cast("body", pa.large_string()),
    "string views": cast("body", pa.string_view()),
    "a dictionary": changed("body", TABLE["body"].combine_chunks().dictionary_encode()),
    "lists of texts": changed("body", pa.array([["a"]] * 40)),
    "structs": changed("body", pa.array([{"a": "b"}] * 40)),
    "only nulls": changed("body", pa.nulls(40)),
    "a null for a text": changed("body", pa.array([None, *["text"] * 39])),
    "a null for a URL": changed("url", pa.array([*["text"] * 39, None])),
    "a null for a time": changed("published_at", pa.nulls(40, TIME)),
    "times of another unit": cast("published_at", pa.timestamp("ns", "UTC")),
    "times without a zone": cast("published_at", pa.timestamp("us")),
    "a time after the year 9999": changed("published_at", with_one(253_402_300_800_000_000)),
    "the last time of all": changed("captured_at", with_one(2**63 - 1)),
    "a time before the year 1": changed("published_at", with_one(-62_135_596_800_000_001)),
    "bytes that are not UTF-8": changed("body", texts(b"good", b"\xff\xfe")),
    "half a character": changed("title", texts("é".encode()[:1])),
    "lone surrogates": changed("body", texts(b"\xed\xa0\x80")),
    "a URL of Latin-1": changed("url", texts("é".encode("latin-1"))),
    "delta encoding": support.parquet(
        TABLE, use_dictionary=False, column_encoding={"body": "DELTA_BYTE_ARRAY"}
    ),
    "packed with lz4": support.parquet(TABLE, compression="lz4"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_ARTICLES)
def test_articles_that_are_none_are_refused(name: str, tmp_path: Path) -> None:
    articles = commit(f"{tmp_path}/articles", "articles", {ARTICLES: HOSTILE_ARTICLES[name]})
    with pytest.raises(BadInputError) as refused:
        list(read_articles(articles))
    assert ARTICLES in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("options", [{}, {"data_page_version": "2.0"}, {"compression": "gzip"}])
def test_articles_in_any_usual_form_are_read(options: dict[str, Any], tmp_path: Path) -> None:
    data = support.parquet(TABLE, row_group_size=7, **options)
    articles = commit(f"{tmp_path}/articles", "articles", {ARTICLES: data, "part-1": part([])})
    assert pa.Table.from_batches(read_articles(articles), SCHEMA).equals(TABLE)


def bomb(rows: int, size: int) -> bytes:
    """A text of `size` bytes that `rows` articles repeat by a few bits each."""
    index = pa.array([0] * rows, pa.int32())
    body = pa.DictionaryArray.from_arrays(index, ["x" * size])
    table = pa.Table.from_pylist([article(number) for number in range(rows)], schema=SCHEMA)
    table = table.set_column(SCHEMA.get_field_index("body"), "body", body)
    return support.parquet(table, store_schema=False, compression="zstd")


def test_a_repeated_text_is_unfolded_a_few_at_a_time(tmp_path: Path) -> None:
    data = bomb(200, 2**20)
    assert len(data) < 10_000
    articles = commit(f"{tmp_path}/articles", "articles", {ARTICLES: data})
    sizes = [(batch.num_rows, batch.nbytes) for batch in read_articles(articles)]
    assert sum(rows for rows, _ in sizes) == 200
    assert max(size for _, size in sizes) <= 2**24
    whole = ParquetFile.of(articles, ARTICLES)
    with pytest.raises(BadInputError, match="its rows take more than 50000000 bytes"):
        whole.table(max_bytes=50_000_000)


def test_what_is_beyond_the_bounds_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = part([article(0, body="x" * 2**21)])  # one page: 2 MiB from some 200 bytes
    articles = commit(f"{tmp_path}/articles", "articles", {ARTICLES: data})
    monkeypatch.setattr(parquet_cost, "MAX_GROUP_BYTES", 2**20)
    monkeypatch.setattr(parquet, "BATCH_BYTES", 0)
    with pytest.raises(BadInputError, match="unpacks to more than 1048576 bytes"):
        list(read_articles(articles))
    monkeypatch.setattr(parquet, "MAX_ROWS", 0)
    with pytest.raises(BadInputError, match="claims 1 rows; read are up to 0"):
        list(read_articles(articles))
    monkeypatch.setattr(parquet, "MAX_FOOTER_BYTES", 100)
    with pytest.raises(BadInputError, match="its footer would be"):
        list(read_articles(articles))


class InMemory:
    """A file of an artifact whose digest is always right."""

    uri, paths = "/store/articles", [ARTICLES]

    def __init__(self, data: bytes) -> None:
        self._data = data

    def size(self, _: str) -> int:
        return len(self._data)

    def read(self, _: str) -> bytes:
        return self._data


def mutations(data: bytes, number: int) -> list[bytes]:
    """The same file with a byte or some overwritten, most of them in its footer and its headers."""
    drawn = random.Random(5)
    found = []
    for _ in range(number):
        changed = bytearray(data)
        at = drawn.randrange(len(data))
        width = drawn.choice([1, 1, 1, 2, 8])
        noise = bytes(drawn.randrange(256) for _ in range(width))
        changed[at : at + width] = drawn.choice([noise, b"\xff" * width, bytes(width), b""])
        found.append(bytes(changed))
    return found


def test_no_mutation_ends_otherwise() -> None:
    """pyarrow by itself ends the process on some of these."""
    plain = support.parquet(TABLE, compression="none", write_statistics=False)
    read = 0
    for data in [*mutations(GOOD, 700), *mutations(plain, 700)]:
        try:
            for batch in read_articles(InMemory(data)):  # type: ignore[arg-type]
                batch.to_pylist()
            read += 1
        except BadInputError:
            continue
    assert 100 < read < 1300


def test_groups_are_bounded_by_number_and_by_size(tmp_path: Path) -> None:
    small = [article(number) for number in range(1500)]
    large = [article(number, body="x" * 3 * 2**20) for number in range(5)]
    file = pq.ParquetFile(io.BytesIO(part(small)))
    assert [file.metadata.row_group(n).num_rows for n in range(2)] == [1024, 476]
    file = pq.ParquetFile(io.BytesIO(part(large)))
    assert [file.metadata.row_group(n).num_rows for n in range(3)] == [2, 2, 1]
    articles = commit(f"{tmp_path}/a", "articles", {ARTICLES: part([*small, *large])})
    assert [row for batch in read_articles(articles) for row in batch.to_pylist()] == small + large
