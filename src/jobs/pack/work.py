"""Reads articles or conversations from the store, packs them, writes rows."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.command.importing import importing
from jobs.command.progress import Progress
from jobs.command.running import Job, Statistics
from jobs.errors import BadInputError
from jobs.kinds.articles import read_articles
from jobs.kinds.conversations import read_conversations
from jobs.kinds.model import CONFIG, TOKENIZER_FILES
from jobs.kinds.promises import KeptArticles, PackedRows
from jobs.kinds.rows import (
    HELDOUT,
    HELDOUT_ARTICLES,
    HELDOUT_ARTICLES_SCHEMA,
    MASKED_ROWS,
    ROWS,
    SPLITS,
    TRAIN,
)
from jobs.pack.choosing import budget_limit, draw, heldout
from jobs.pack.packing import Document, pack
from jobs.pack.rows import write_rows
from jobs.pack.settings import PackSettings
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

        return AutoTokenizer.from_pretrained(folder)


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
    limit = _budget_limit(articles, tokenizer, settings)
    counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    progress = _progress(articles)

    def documents(split: str) -> Iterator[Document]:
        count = counts[split]
        for url, document in _documents(articles, tokenizer, split, settings.heldout_fraction):
            progress.advance()
            if split == TRAIN and draw(url) > limit:
                count["over_budget"] += 1
                continue
            count["articles"] += 1
            count["tokens"] += len(document.ids)
            count["cut"] += len(document.ids) > settings.sequence_length
            yield document

    rows = {}
    with progress:
        for split in SPLITS:
            packed = pack(documents(split), settings.sequence_length)
            rows[split] = write_rows(job.out, split, packed, ROWS)
    _write_heldout_articles(job.out, articles, settings.heldout_fraction)
    train = counts[TRAIN]
    return {
        "rows": rows[TRAIN],
        "articles": train["articles"],
        "tokens": train["tokens"],
        "articles_cut": train["cut"],
        "articles_over_budget": train["over_budget"],
        "tokens_per_article": round(train["tokens"] / max(1, train["articles"]), 1),
        "heldout_rows": rows[HELDOUT],
        "heldout_articles": counts[HELDOUT]["articles"],
        "heldout_tokens": counts[HELDOUT]["tokens"],
    }


def _documents(
    articles: Artifact, tokenizer: Any, split: str, fraction: float
) -> Iterator[tuple[str, Document]]:
    """(URL, document) of each article of one split, title first, in the order of the artifact."""
    for batch in read_articles(articles):
        chosen = [
            record
            for record in batch.select(["url", "title", "body"]).to_pylist()
            if heldout(record["url"], fraction) == (split == HELDOUT)
        ]
        if chosen:
            texts = [f"{record['title']}\n\n{record['body']}" for record in chosen]
            urls = (record["url"] for record in chosen)
            yield from zip(urls, text_documents(tokenizer, texts), strict=True)


def _budget_limit(articles: Artifact, tokenizer: Any, settings: PackSettings) -> float:
    """The draw up to which articles are packed; where there is a budget, one pass counts."""
    if settings.token_budget is None:
        return 1.0
    draws, tokens = [], []
    documents = _documents(articles, tokenizer, TRAIN, settings.heldout_fraction)
    with _progress(articles) as progress:
        for url, document in documents:
            draws.append(draw(url))
            tokens.append(len(document.ids))
            progress.advance()
    return budget_limit(draws, tokens, settings.token_budget)


def _progress(articles: Artifact) -> Progress:
    """Over all articles."""
    return Progress("pack", KeptArticles.told(articles.statistics, articles.uri).kept, "articles")


def _write_heldout_articles(out: ArtifactWriter, articles: Artifact, fraction: float) -> None:
    """The held-out articles as text, for evaluation by any tokenizer."""

    def chosen() -> Iterable[pa.RecordBatch]:
        for batch in read_articles(articles):
            records = batch.select(HELDOUT_ARTICLES_SCHEMA.names).to_pylist()
            kept = [record for record in records if heldout(record["url"], fraction)]
            yield pa.RecordBatch.from_pylist(kept, schema=HELDOUT_ARTICLES_SCHEMA)

    with (
        out.open(HELDOUT_ARTICLES) as file,
        pq.ParquetWriter(file, HELDOUT_ARTICLES_SCHEMA) as writer,
    ):
        for batch in chosen():
            writer.write_batch(batch)
