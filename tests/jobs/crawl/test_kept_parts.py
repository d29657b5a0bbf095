"""What another attempt left is a part of this very crawl, or read again, and never an error."""

import io
import json
import random
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.crawl.archives import Archive, Period
from jobs.crawl.parts import PLAN, RECORDS, TALLY, Part, Plan, describe_part, kept_part, part_path
from jobs.crawl.server import Server
from jobs.kinds.articles import SCHEMA, read_part, write_part
from jobs.store.prefix import Prefix
from tests.support.pico import commit_articles

ARCHIVE = Archive.parse("crawl-data/CC-NEWS/2026/10/CC-NEWS-20261001000000-00000.warc.gz")
THIS = Plan(Server("http://127.0.0.1:9", 0), ("us.Wired",), Period.month("2026-10"), False, "2")
WHOLE = Part(ARCHIVE, 4, 0, 1, {"us.Wired": Counter(kept=3)}, Counter(en=3))
MUTATIONS = 300


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    made = commit_articles(str(tmp_path_factory.mktemp("articles")), ["a", "b", "c"])
    return pa.Table.from_batches(read_part(made, "part-00000.parquet"))


def part(table: pa.Table, said: dict[str, str]) -> bytes:
    metadata = {PLAN: THIS.identity, TALLY: '{"us.Wired": {"kept": 3}}', RECORDS: "[4, 0, 1]"}
    file = io.BytesIO()
    write_part(file, table, metadata | said)
    return file.getvalue()


def kept(place: Path, data: bytes) -> bytes | None:
    (place / part_path(ARCHIVE)).write_bytes(data)
    found = kept_part(Prefix(place), THIS, ARCHIVE)
    return found and found[0]


def test_a_part_of_this_crawl_is_kept(table: pa.Table, tmp_path: Path) -> None:
    data = part(table, {})
    assert kept(tmp_path, data) == data
    assert describe_part(ARCHIVE, data) == WHOLE


@pytest.mark.parametrize(
    "said",
    [
        {PLAN: "another"}, {TALLY: "["}, {TALLY: "[1]"}, {TALLY: '{"a": 1}'}, {TALLY: "9"},
        {TALLY: '{"a": {"kept": -1}}'}, {TALLY: '{"a": {"kept": "3"}}'}, {TALLY: '{"a": "kept"}'},
        {RECORDS: "[4, 0]"}, {RECORDS: '"abc"'}, {RECORDS: "[4, 0, -1]"}, {RECORDS: "null"},
        {RECORDS: json.dumps([[]] * 3)}, {TALLY: "[" * 10**5}, {RECORDS: "[1e400, 0, 1]"},
    ],
    ids=str,
)  # fmt: skip
def test_one_that_says_something_else_is_not(
    table: pa.Table, tmp_path: Path, said: dict[str, str]
) -> None:
    assert kept(tmp_path, part(table, said)) is None


def test_one_of_other_columns_is_not(table: pa.Table, tmp_path: Path) -> None:
    file = io.BytesIO()
    with pa.parquet.ParquetWriter(file, table.schema.remove(0)) as writer:
        writer.write_table(table.drop_columns(SCHEMA.names[0]))
    assert kept(tmp_path, file.getvalue()) is None


def test_a_damaged_one_is_not(table: pa.Table, tmp_path: Path) -> None:
    """Cut, overwritten, with bytes left out or put in: no other articles and no other counts."""
    data, draw = part(table, {}), random.Random(0)
    found = 0
    for _ in range(MUTATIONS):
        start = draw.randrange(len(data))
        end = min(len(data), start + draw.choice([0, 1, 8, 64, len(data)]))
        mutated = data[:start] + draw.randbytes(draw.choice([0, 1, 8, end - start])) + data[end:]
        if kept(tmp_path, mutated) is not None:
            found += mutated != data
            same = describe_part(ARCHIVE, mutated)
            assert (same.languages, same.tally) == (WHOLE.languages, WHOLE.tally)
    assert found <= MUTATIONS // 20  # bytes that mean nothing, such as who wrote the file
