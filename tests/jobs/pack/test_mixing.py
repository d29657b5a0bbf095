"""Articles beside conversations: in their share, and nothing of either is lost or there twice."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.artifacts.reading import Artifact
from jobs.command.progress import Progress
from jobs.errors import BadInputError
from jobs.kinds.rows import TRAIN
from jobs.pack import conversations as talking
from jobs.pack import corpus as corpora
from jobs.pack.choosing import article_budget, share_of
from jobs.pack.conversations import Conversations
from jobs.pack.corpus import Corpus
from jobs.pack.mixing import mixed
from jobs.pack.packing import Document
from jobs.pack.settings import PackSettings
from tests.jobs.pack.test_pack import CHAT, rows
from tests.support.articles import article, corpus, part
from tests.support.pico import SENTENCE, commit, commit_llama, run_job

NOBODY: Any = None  # nothing is encoded there
ARTICLE = 1_000_000
"""Ids from here on are of articles; each document has one id, as often as it has tokens."""


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Forty, of 1 to 40 tokens."""
    return corpus(
        str(tmp_path_factory.mktemp("articles")),
        part([article(number, body=str(number + 1)) for number in range(40)]),
    )


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts as documents, without a tokenizer: an article's body says how long it is."""

    def texts(_: object, given: list[str]) -> list[Document]:
        sizes = [int(text.split()[-1]) for text in given]
        return [Document(np.full(size, ARTICLE + size, np.int32)) for size in sizes]

    def conversation(_: object, numbers: list[int]) -> Document:
        number, size = numbers
        return Document(np.full(size, number, np.int32), np.arange(size) > 0)

    monkeypatch.setattr(corpora, "text_documents", texts)
    monkeypatch.setattr(talking, "conversation_document", conversation)


@pytest.mark.usefixtures("encoded")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=30),
    share=st.floats(0.01, 0.99),
    fraction=st.sampled_from([0.0, 0.3]),
)
def test_the_share_is_kept_and_each_is_there_once(
    sizes: list[int], share: float, fraction: float, articles: Artifact
) -> None:
    chosen = PackSettings(
        articles="a", conversations="c", article_share=share, tokenizer="t", out="o",
        sequence_length=64, heldout_fraction=fraction,
    )  # fmt: skip
    talks, there = Conversations(articles, NOBODY), Corpus(articles, NOBODY, chosen)
    training = [int(record.body) for record in there.records(TRAIN)]

    def numbered(_: object) -> Iterator[tuple[int, int]]:
        yield from enumerate(sizes)

    with pytest.MonkeyPatch.context() as patch, Progress("pack", 1, "articles") as progress:
        patch.setattr(talking, "read_conversations", numbered)
        stream = mixed(talks, there, share, progress)
        if sum(training) < int(sum(sizes) * share / (1 - share)):
            with pytest.raises(BadInputError, match="give more articles, or a share of at most"):
                list(stream)
            return
        documents = list(stream)
    talked = [document for document in documents if document.ids[0] < ARTICLE]
    told = [document for document in documents if document.ids[0] >= ARTICLE]
    assert [len(document.ids) for document in talked] == sizes
    assert [list(document.loss_mask) for document in talked if document.loss_mask is not None] == [
        [False] + [True] * (n - 1) for n in sizes
    ]
    lengths = Counter(len(document.ids) for document in told)
    assert lengths <= Counter(training)
    assert max(lengths.values(), default=1) == 1, "each once"
    assert all(document.loss_mask is not None and document.loss_mask.all() for document in told)
    tokens = sum(len(document.ids) for document in told)
    assert tokens <= share / (1 - share) * sum(sizes) + 1e-6
    left_out = Counter(training) - lengths
    if left_out:
        assert tokens + max(left_out) > int(share / (1 - share) * sum(sizes))


@given(st.integers(1, 10**12), st.floats(0.001, 0.999))
def test_a_budget_of_articles_never_exceeds_its_share(tokens: int, share: float) -> None:
    budget = article_budget(tokens, share)
    assert budget / (budget + tokens) <= share * (1 + 1e-9)
    assert (budget + 1) / (budget + 1 + tokens) > share * (1 - 1e-9)


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_the_share_that_an_error_names_can_be_had(articles: int, talked: int) -> None:
    share = share_of(articles, articles + talked)
    if 0 < share < 1:
        assert article_budget(talked, share) <= articles


def test_both_are_in_the_rows_and_told(tmp_path: Path) -> None:
    said = {
        "messages": [{"role": "user", "content": "the"}, {"role": "assistant", "content": "baker"}]
    }
    chats = (json.dumps(said) + "\n").encode() * 32
    commit(f"{tmp_path}/chat", "conversations", {"conversations.jsonl": chats})
    commit_llama(f"{tmp_path}/model", tmp_path / "scratch", chat=CHAT)
    corpus(f"{tmp_path}/news", part([article(n, body=SENTENCE) for n in range(30)]))
    flags = ["--sequence-length=64", "--heldout-fraction=0", f"--tokenizer={tmp_path}/model"]
    flags += [f"--conversations={tmp_path}/chat", f"--articles={tmp_path}/news"]
    result = run_job("pack", *flags, "--article-share=0.5", f"--out={tmp_path}/rows")
    assert result.returncode == 0, result.stderr
    statistics = Artifact.open(f"{tmp_path}/rows").statistics
    # User, :, the, </s>, assistant, :, baker, </s>; and News, 15 words, </s>.
    talked, article_tokens = 32 * 8, 1 + 15 + 1
    number = talked // article_tokens
    tokens = talked + number * article_tokens
    assert {key: statistics[key] for key in ("tokens", "tokens_with_loss", "article_share")} == {
        "tokens": tokens,
        "tokens_with_loss": 32 * 2 + number * (article_tokens - 1),
        "article_share": int(10**4 * number * article_tokens / tokens) / 10**4,
    }
    assert (statistics["conversations"], statistics["articles"]) == (32, number)
    assert statistics["articles_over_budget"] == 30 - number
    found = rows(f"{tmp_path}/rows", "train/")
    assert all(len(row["loss_mask"]) == len(row["input_ids"]) for row in found)
    assert sum(len(row["lengths"]) for row in found) == 32 + number
    again = run_job("pack", *flags, "--article-share=0.7", f"--out={tmp_path}/more")
    assert again.returncode == 64
    asked, there = int(talked * 0.7 / (1 - 0.7)), 30 * article_tokens
    assert f"asks for {asked} tokens of articles beside {talked} of conversations" in again.stderr
    assert f"there are {there}; give more articles, or a share of at most 0.6657" in again.stderr
    assert there / (there + talked) == pytest.approx(0.6658, abs=1e-4)
