"""Of the captures of a URL the newest is the article, in whatever order they come."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.kinds import captures
from jobs.kinds.articles import SCHEMA
from jobs.kinds.captures import older_captures
from tests.support.articles import MOMENT, article, corpus, part


def day(number: int) -> datetime:
    return datetime(2026, 10, number, tzinfo=UTC)


OLD, NEW = article(1, captured_at=day(2)), article(1, captured_at=day(3), body="Corrected.")
LIVE = article(1, captured_at=None, body="Live.")
CASES = {
    "one": ([article(1)], [], set()),
    "other URLs": ([article(1)], [article(2)], set()),
    "in one part": ([OLD, NEW], [], {0}),
    "newest first": ([NEW, OLD], [], {1}),
    "in two parts": ([article(2), OLD], [NEW], {1}),
    "in two parts, newest first": ([article(2), NEW], [OLD], {2}),
    "three": ([OLD, NEW], [article(1, captured_at=day(1))], {0, 2}),
    "a live site is read last": ([LIVE, NEW], [], {1}),
    "captured at once: published last": (
        [article(1, published_at=day(5), captured_at=day(9))],
        [article(1, published_at=day(4), captured_at=day(9), body="Zero.")],
        {1},
    ),
    "wholly equal: the first": ([article(1), article(1)], [article(1)], {1, 2}),
    "URLs that differ in a letter's case or an end are others": (
        [article(0, url="https://a.example/x"), article(0, url="https://a.example/X")],
        [article(0, url="https://a.example/x/"), article(0, url="https://a.example/x#top")],
        set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_by_hand(name: str, tmp_path: Path) -> None:
    first, second, older = CASES[name]
    articles = corpus(f"{tmp_path}/articles", part(first), part(second))
    assert older_captures(articles) == older


capture = st.builds(
    article,
    st.integers(0, 3),
    captured_at=st.sampled_from([None, MOMENT, day(2), day(3)]),
    published_at=st.sampled_from([MOMENT, day(2)]),
    body=st.sampled_from(["a", "b", ""]),
    source=st.sampled_from(["x", "y"]),
)


@given(st.lists(capture, max_size=12), st.randoms(use_true_random=False), st.integers(1, 5))
def test_the_choice_does_not_depend_on_the_order(rows: list[Any], random: Any, size: int) -> None:
    shuffled = random.sample(rows, len(rows))
    chosen = [kept(rows, len(rows) + 1), kept(shuffled, size)]
    by_url = [{row["url"]: row for row in found} for found in chosen]
    assert by_url[0] == by_url[1]
    assert all(len(urls) == len(found) for urls, found in zip(by_url, chosen, strict=True))
    assert by_url[0].keys() == {row["url"] for row in rows}
    for row in rows:
        best = by_url[0][row["url"]]["captured_at"]
        assert best is None or (row["captured_at"] is not None and row["captured_at"] <= best)


def kept(rows: list[dict[str, Any]], batch_rows: int) -> list[dict[str, Any]]:
    """The rows that are no older captures, where they are read in such batches."""
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(captures, "read_articles", lambda _: table.to_batches(batch_rows))
        older = older_captures(None)  # type: ignore[arg-type]
    return [row for position, row in enumerate(rows) if position not in older]
