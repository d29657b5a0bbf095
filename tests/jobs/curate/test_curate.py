"""The curate job over a small corpus of two parts, its counts worked out by hand."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.artifacts.manifest import Work
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.command.running import begin, finish
from jobs.curate.settings import CurateSettings
from jobs.curate.work import curate
from jobs.errors import BadInputError
from jobs.kinds.articles import SCHEMA, read_articles, write_part
from jobs.store.prefix import Prefix
from tests.support.paths import attempt_in

LONG = "x" * 50
TEXT = "The mayor opened the bridge."


def article(number: int, day: int, body: str) -> dict[str, Any]:
    moment = datetime(2024, 4, day, tzinfo=UTC)
    return {
        "url": f"https://a.org/{number}",
        "publisher": "A Paper",
        "title": f"Title {number}",
        "body": body,
        "language": "en",
        "published_at": moment,
        "captured_at": moment,
        "source": "archive",
        "training_opt_out": "checked",
    }


PARTS = [
    [article(0, 2, TEXT), article(1, 3, "short"), article(2, 4, LONG), article(3, 5, TEXT + " ")],
    [article(4, 1, TEXT), article(5, 9, TEXT + " Again."), article(6, 9, "brief")],
]
# 4 is the earliest of 0, 3 and 4, which are one text; 5 is another text.
KEPT = [4, 5]
REMOVED = [
    ("https://a.org/0", "duplicate", "https://a.org/4"),
    ("https://a.org/1", "too_short", None),
    ("https://a.org/2", "too_long", None),
    ("https://a.org/3", "duplicate", "https://a.org/4"),
    ("https://a.org/6", "too_short", None),
]


def corpus(uri: str, parts: list[list[dict[str, Any]]]) -> Artifact:
    writer = ArtifactWriter(
        Prefix(uri), Work(kind="articles", producer="crawl 1", settings={}, inputs={}), {}
    )
    for number, rows in enumerate(parts):
        with writer.open(f"part-{number:05d}.parquet") as file:
            write_part(file, pa.Table.from_pylist(rows, schema=SCHEMA), {"note": "of the crawl"})
    return writer.commit({})


def curated(articles: str, out: str) -> Artifact:
    settings = CurateSettings.from_flags(
        ["--articles", articles, "--out", out, "--min-characters", "10", "--max-characters", "40"]
    )
    job = begin(settings, settings.open_inputs())
    assert job is not None
    return finish(job, curate(job))


def test_what_is_removed_is_counted_and_listed(store: str) -> None:
    corpus(f"{store}/articles", PARTS)
    clean = curated(f"{store}/articles", f"{store}/clean")
    kept = [row for batch in read_articles(clean) for row in batch.to_pylist()]
    assert kept == [row for part in PARTS for row in part if row["url"][-1] in "45"]
    assert clean.statistics["total"] == 7
    assert clean.statistics["kept"] == len(KEPT)
    removed = clean.statistics["removed"]
    assert removed["older_capture"] == 0
    found = {rule: number for rule, number in removed.items() if number}
    assert found == {"too_short": 2, "too_long": 1, "duplicate": 2}
    assert clean.statistics["characters"] == len(TEXT) + len(TEXT + " Again.")
    with clean.open_file("removed.parquet") as file:
        listed = pq.read_table(file).to_pylist()
    assert [(row["url"], row["rule"], row["duplicate_of"]) for row in listed] == REMOVED
    assert clean.paths == ["part-00000.parquet", "part-00001.parquet", "removed.parquet"]


def test_the_same_articles_give_the_same_bytes(tmp_path: Path) -> None:
    corpus(str(tmp_path / "articles"), PARTS)
    first = curated(str(tmp_path / "articles"), str(tmp_path / "a"))
    assert curated(str(tmp_path / "articles"), str(tmp_path / "b")).digest == first.digest


def test_an_empty_corpus_stays_empty(tmp_path: Path) -> None:
    corpus(str(tmp_path / "articles"), [[]])
    clean = curated(str(tmp_path / "articles"), str(tmp_path / "clean"))
    assert clean.statistics["total"] == 0
    assert list(read_articles(clean)) == []


def test_a_corrupt_part_is_refused(tmp_path: Path) -> None:
    corpus(str(tmp_path / "articles"), PARTS)
    path = attempt_in(tmp_path / "articles") / "part-00001.parquet"
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(BadInputError, match=r"part-00001\.parquet is corrupt"):
        curated(str(tmp_path / "articles"), str(tmp_path / "clean"))


def test_limits_in_the_wrong_order_are_refused() -> None:
    flags = ["--articles", "a", "--out", "b", "--min-characters", "10", "--max-characters", "9"]
    with pytest.raises(BadInputError, match="--min-characters 10 is greater than"):
        CurateSettings.from_flags(flags)
