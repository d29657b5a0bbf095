"""What a tokenizer is handed is bounded in characters, however long the articles are."""

import tempfile
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.pack import corpus as corpora
from jobs.pack.choosing import budget_limit
from jobs.pack.corpus import Corpus
from jobs.pack.packing import Document
from jobs.pack.sample import Encoded, Sample
from jobs.pack.settings import PackSettings
from jobs.pack.texts import BATCH_CHARACTERS, Part, Text, batched, most_characters, texts_of
from tests.support.articles import article, corpus, part

NOBODY: Any = None  # nothing is encoded here
TITLE = "T"  # and a blank line: three characters


@pytest.mark.parametrize(
    ("body", "pieces"),
    [
        ("", ["T\n\n"]),
        ("1234567", ["T\n\n1234567"]),
        ("12345678", ["T\n\n1234567", "8"]),
        ("1234 678", ["T\n\n1234 ", "678"]),
        ("12 4567 9", ["T\n\n12 ", "4567 9"]),
        ("123\n\n6 8", ["T\n\n123\n\n", "6 8"]),
        ("x" * 27, ["T\n\n" + "x" * 7, "x" * 10, "x" * 10]),
    ],
)
def test_a_long_article_is_cut_after_a_paragraph_or_a_word(body: str, pieces: list[str]) -> None:
    found = list(texts_of(7, TITLE, body, most=10))
    assert [text.text for text in found] == pieces
    assert [text.part.begins for text in found] == [True] + [False] * (len(pieces) - 1)
    assert {text.part.whole for text in found} == {len(pieces) == 1}
    assert {text.place for text in found} == {7}


@given(st.text(st.sampled_from("ab \n"), max_size=80), st.integers(2, 30))
def test_the_pieces_are_the_article(body: str, most: int) -> None:
    found = [text.text for text in texts_of(7, TITLE, body, most)]
    assert "".join(found) == f"T\n\n{body}"
    assert all(0 < len(piece) <= most for piece in found)


@given(st.lists(st.integers(1, 10), max_size=40), st.integers(10, 30))
def test_batches_keep_the_order_and_the_bound(sizes: list[int], most: int) -> None:
    texts = [Text(number, "x" * size, Part()) for number, size in enumerate(sizes)]
    batches = list(batched(texts, most))
    assert [text for batch in batches for text in batch] == texts
    assert all(batch and sum(len(text.text) for text in batch) <= most for batch in batches)


def test_a_row_that_is_long_is_never_cut_short() -> None:
    assert most_characters(4096) == BATCH_CHARACTERS
    assert most_characters(2**20) == 8 * 2**20


def test_long_articles_are_not_handed_over_together(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [article(number, body="word " * 20_000) for number in range(12)]
    rows += [article(12, body="word " * 300_000), *(article(n) for n in range(13, 3000))]
    articles = corpus(f"{tmp_path}/articles", part(rows))
    handed: list[list[int]] = []

    def text_documents(_: object, texts: list[str]) -> list[Document]:
        handed.append([len(text) for text in texts])
        return [Document(np.ones(1, np.int32)) for _ in texts]

    monkeypatch.setattr(corpora, "text_documents", text_documents)
    settings = PackSettings(
        articles="a", tokenizer="t", out="o", heldout_fraction=0.0, sequence_length=4096
    )
    there = Corpus(articles, NOBODY, settings)
    with there.progress() as progress:
        found = list(there.all("train", progress))
    assert max(map(sum, handed)) <= BATCH_CHARACTERS
    assert max(map(len, handed)) <= 1024
    titles = len("News\n\n") * 3000
    assert sum(map(sum, handed)) == titles + sum(len(row["body"]) for row in rows)
    assert len(found) == len(rows) + 2, "one is of three pieces"
    assert there.counts["train"]["articles"] == len(rows)


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3, 0.4]), st.integers(0, 20))),
    st.integers(0, 100),
)
def test_the_budget_is_never_exceeded_nor_left(pairs: list[Any], budget: int) -> None:
    draws, tokens = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    limit = budget_limit(draws, tokens, budget)
    assert sum(size for drawn, size in pairs if drawn <= limit) <= budget
    if left_out := [drawn for drawn in draws if drawn > limit]:
        assert sum(size for drawn, size in pairs if drawn <= min(left_out)) > budget


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(0, 1200), st.integers(0, 3))
def test_a_sample_is_what_encoding_all_would_give(sizes: list[int], budget: int, seed: int) -> None:
    """Characters say little of the tokens here; articles have one to three parts."""
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, 20, len(sizes)) / 20  # some alike
    characters = generator.integers(1, 400, len(sizes)).tolist()
    encoded: list[int] = []

    def encode(above: float, upto: float) -> Encoded:
        for place, size in enumerate(sizes):
            if above < draws[place] <= upto:
                encoded.append(place)
                cuts = sorted({0, size // 3, size})
                for start, end in pairwise(cuts):
                    ids = np.arange(start, end, dtype=np.int32) + 100 * place
                    yield place, Part(start == 0, len(cuts) == 2), Document(ids)

    with tempfile.TemporaryFile() as scratch:
        sample = Sample(draws, characters, encode, budget, scratch)
        limit = budget_limit(draws.tolist(), sizes, budget)
        wanted = [place for place in range(len(sizes)) if draws[place] <= limit]
        found = [(part.begins, document.ids.tolist()) for part, document in sample.documents()]
    assert [ids[0] // 100 for begins, ids in found if begins] == wanted
    tokens = [token for _, ids in found for token in ids]
    assert tokens == [100 * place + i for place in wanted for i in range(sizes[place])]
    assert len(set(encoded)) == len(encoded), "none twice"
    assert sample.tokens > budget or len(encoded) == len(sizes)
