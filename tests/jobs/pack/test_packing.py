"""Packing keeps every token once, whole where it fits."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.kinds.rows import Row
from jobs.pack.choosing import budget_limit, draw, heldout
from jobs.pack.packing import Document, pack


def documents(lengths: list[int]) -> list[Document]:
    """Documents whose tokens are all different: (document × 1000 + place)."""
    return [Document(1000 * d + np.arange(n, dtype=np.int32)) for d, n in enumerate(lengths)]


def split(row: Row) -> list[list[int]]:
    pieces, at = [], 0
    for length in row.lengths:
        pieces.append(row.ids[at : at + length].tolist())
        at += length
    assert at == len(row.ids)
    return pieces


def test_best_fit_by_hand() -> None:
    rows = list(pack(documents([6, 5, 3, 4, 2]), sequence_length=10))
    # 6 opens A; 5 opens B (A has 4 left); 3 goes to A (4 left, the tighter fit), 4 to B, 2 opens C
    # (A has 1 left, B has 1 left).
    assert [row.lengths for row in rows] == [[6, 3], [5, 4], [2]]


def test_a_long_document_is_cut_and_only_it() -> None:
    rows = list(pack(documents([25, 5]), sequence_length=10))
    assert sorted(row.lengths for row in rows) == [[5, 5], [10], [10]]
    assert rows[0].ids.tolist() == list(range(10))


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=60),
    st.integers(8, 16),
    st.integers(1, 5),
)
def test_every_token_once_and_whole_where_it_fits(
    lengths: list[int], sequence_length: int, max_open_rows: int
) -> None:
    rows = list(pack(documents(lengths), sequence_length, max_open_rows))
    tokens = Counter(token for row in rows for token in row.ids)
    expected = [token for document in documents(lengths) for token in document.ids]
    assert tokens == Counter(expected)
    assert all(0 < len(row.ids) <= sequence_length for row in rows)
    pieces = [piece for row in rows for piece in split(row)]
    for piece in pieces:
        assert piece == list(range(piece[0], piece[0] + len(piece))), "in order, of one document"
    for number, length in enumerate(lengths):
        parts = [piece for piece in pieces if piece[0] // 1000 == number]
        assert len(parts) == -(-length // sequence_length)


def test_loss_masks_travel_with_their_tokens() -> None:
    first = Document(np.array([1, 2, 3], np.int32), np.array([False, True, True]))
    second = Document(np.array([4, 5], np.int32), np.array([False, True]))
    (row,) = pack([first, second], sequence_length=8)
    assert row.loss_mask is not None
    assert dict(zip(row.ids.tolist(), row.loss_mask.tolist(), strict=True)) == {
        1: False, 2: True, 3: True, 4: False, 5: True,
    }  # fmt: skip


def test_heldout_is_a_fixed_share_by_url() -> None:
    urls = [f"https://news.example/{number}" for number in range(20_000)]
    share = sum(heldout(url, 0.1) for url in urls) / len(urls)
    assert share == pytest.approx(0.1, abs=0.01)
    assert all(heldout(url, 0.2) for url in urls if heldout(url, 0.1))


@pytest.mark.parametrize(("budget", "packed"), [(100, 3), (35, 2), (30, 2), (29, 1), (5, 0)])
def test_the_budget_takes_articles_by_draw(budget: int, packed: int) -> None:
    draws, tokens = [0.9, 0.2, 0.5], [10, 10, 20]  # by draw: 10, 30, 40
    limit = budget_limit(draws, tokens, budget)
    assert sum(drawn <= limit for drawn in draws) == packed


def test_the_draw_is_a_function_of_the_url() -> None:
    assert draw("https://news.example/1") == draw("https://news.example/1")
    assert 0 <= draw("x") < 1
