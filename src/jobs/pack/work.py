"""Reads articles or conversations from the store, packs them, writes rows."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs.artifacts.reading import Artifact
from jobs.command.importing import importing
from jobs.command.progress import Progress
from jobs.command.running import Job, Statistics
from jobs.errors import BadInputError
from jobs.kinds.articles import read_articles
from jobs.kinds.captures import older_captures
from jobs.kinds.conversations import read_conversations
from jobs.kinds.model import CONFIG, TOKENIZER_FILES
from jobs.kinds.promises import KeptArticles, PackedRows
from jobs.kinds.rows import (
    HELDOUT,
    HELDOUT_ARTICLES_SCHEMA,
    MASKED_ROWS,
    ROWS,
    SPLITS,
    TRAIN,
    HeldoutArticle,
    write_heldout_articles,
)
from jobs.pack.choosing import budget_limit, draw, heldout
from jobs.pack.packing import Document, pack
from jobs.pack.rows import write_rows
from jobs.pack.settings import PackSettings
from jobs.pack.texts import Text, batched, most_characters, texts_of
from jobs.pack.tokens import conversation_document, text_documents


def write_packed(job: Job[PackSettings]) -> Statistics:
    """Packs whichever input is given. Raises BadInputError where nothing is left to train on."""
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer = load_tokenizer(job.inputs["tokenizer"], Path(scratch))
        if "conversations" in job.inputs:
            statistics = _pack_conversations(job, tokenizer)
        else:
            statistics = _pack_articles(job, tokenizer)
    packed = PackedRows.told(statistics, job.out.uri)
    if not packed.rows:
        raise BadInputError(f"nothing to pack: {statistics}; check the period and the budget")
    capacity = packed.rows * job.settings.sequence_length
    return {**statistics, "fill": round(packed.tokens / capacity, 4)}


def load_tokenizer(model: Artifact, scratch: Path) -> Any:
    """The tokenizer of a model artifact, without its weights."""
    folder = model.local_copy(scratch, names=(CONFIG, *TOKENIZER_FILES))
    with importing():  # the tokenizer's class comes as it is loaded; and torch, where installed
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def _pack_conversations(job: Job[PackSettings], tokenizer: Any) -> Statistics:
    count: Counter[str] = Counter()

    def documents() -> Iterator[Document]:
        for messages in read_conversations(job.inputs["conversations"]):
            document = conversation_document(tokenizer, messages)
            count["conversations"] += 1
            count["tokens"] += len(document.ids)
            count["tokens_with_loss"] += sum(document.loss_mask or [])
            yield document

    rows = pack(documents(), job.settings.sequence_length)
    return {"rows": write_rows(job.out, TRAIN, rows, MASKED_ROWS), **count}


def _pack_articles(job: Job[PackSettings], tokenizer: Any) -> Statistics:
    settings, articles = job.settings, job.inputs["articles"]
    corpus = Corpus(articles, tokenizer, settings)
    limit = _budget_limit(corpus, settings.token_budget)
    counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    progress = corpus.progress()

    def documents(split: str) -> Iterator[Document]:
        count = counts[split]
        for text, document in corpus.documents(split):
            progress.advance(int(text.begins))
            if split == TRAIN and draw(text.url) > limit:
                count["over_budget"] += text.begins
                continue
            longer = not text.whole or len(document.ids) > settings.sequence_length
            count["articles"] += text.begins
            count["tokens"] += len(document.ids)
            count["cut"] += text.begins and longer
            yield document

    rows = {}
    with progress:
        for split in SPLITS:
            packed = pack(documents(split), settings.sequence_length)
            rows[split] = write_rows(job.out, split, packed, ROWS)
    write_heldout_articles(job.out, corpus.records(HELDOUT))
    train = counts[TRAIN]
    return {
        "rows": rows[TRAIN],
        "articles": train["articles"],
        "tokens": train["tokens"],
        "articles_cut": train["cut"],
        "articles_over_budget": train["over_budget"],
        "older_captures": len(corpus.older),
        "tokens_per_article": round(train["tokens"] / max(1, train["articles"]), 1),
        "heldout_rows": rows[HELDOUT],
        "heldout_articles": counts[HELDOUT]["articles"],
        "heldout_tokens": counts[HELDOUT]["tokens"],
    }


class Corpus:
    """The articles of an artifact by split, each URL once, as texts and as tokens.

    Memory: a batch of articles (`read_part`), the tokens of one of texts (`jobs.pack.texts`), and
    some bytes a URL.
    """

    def __init__(self, articles: Artifact, tokenizer: Any, settings: PackSettings) -> None:
        self._articles, self._tokenizer = articles, tokenizer
        self._fraction = settings.heldout_fraction
        self._most = most_characters(settings.sequence_length)
        self.older = older_captures(articles)

    def progress(self) -> Progress:
        """Over all articles."""
        kept = KeptArticles.told(self._articles.statistics, self._articles.uri).kept
        return Progress("pack", kept - len(self.older), "articles")

    def records(self, split: str) -> Iterator[HeldoutArticle]:
        """The articles of one split, in the order of the artifact."""
        position = 0
        for batch in read_articles(self._articles):
            columns = [batch.column(name) for name in HELDOUT_ARTICLES_SCHEMA.names]
            for index, url in enumerate(columns[0].to_pylist()):
                mine = heldout(url, self._fraction) == (split == HELDOUT)
                if mine and position + index not in self.older:
                    yield HeldoutArticle(*(column[index].as_py() for column in columns))
            position += batch.num_rows

    def documents(self, split: str) -> Iterator[tuple[Text, Document]]:
        """Each article of one split as text and as tokens, in the order of the artifact."""
        texts = (text for record in self.records(split) for text in texts_of(*record, self._most))
        for batch in batched(texts, self._most):
            documents = text_documents(self._tokenizer, [text.text for text in batch])
            yield from zip(batch, documents, strict=True)


def _budget_limit(corpus: Corpus, budget: int | None) -> float:
    """The draw up to which articles are packed; where there is a budget, one pass counts."""
    if budget is None:
        return 1.0
    draws, tokens = list[float](), list[int]()
    with corpus.progress() as progress:
        for text, document in corpus.documents(TRAIN):
            if text.begins:
                draws.append(draw(text.url))
                tokens.append(0)
            tokens[-1] += len(document.ids)
            progress.advance(int(text.begins))
    return budget_limit(draws, tokens, budget)
