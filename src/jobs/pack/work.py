"""Reads articles, conversations or both from the store, packs them, writes rows."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.command.bounded import Bounded
from jobs.command.running import Job, Statistics
from jobs.errors import BadInputError
from jobs.kinds.promises import PackedRows
from jobs.kinds.rows import HELDOUT, MASKED_ROWS, ROWS, TRAIN, write_heldout_articles
from jobs.kinds.vocabulary import ordinary_digest
from jobs.pack.choosing import share_of
from jobs.pack.conversations import Conversations
from jobs.pack.corpus import Corpus
from jobs.pack.encoder import ARTICLES, CONVERSATIONS
from jobs.pack.encoding import encoder_of
from jobs.pack.mixing import chosen_articles, mixed
from jobs.pack.packing import Document, pack
from jobs.pack.rows import write_rows
from jobs.pack.settings import PackSettings

TOKENS: Final = ("tokens", "tokens_with_loss")


def write_packed(job: Job[PackSettings]) -> Statistics:
    """Packs whatever input is given. Raises BadInputError where nothing is left to train on."""
    settings, inputs = job.settings, job.inputs
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as encoders:

        def open_both(what: str) -> tuple[Artifact, Bounded]:
            folder = Path(scratch, what)
            encoder = encoder_of(inputs["tokenizer"], what, folder)
            return inputs[what], encoders.enter_context(encoder)

        conversations = (
            Conversations(*open_both(CONVERSATIONS)) if CONVERSATIONS in inputs else None
        )
        corpus = Corpus(*open_both(ARTICLES), settings) if ARTICLES in inputs else None
        statistics = _Packing(job.out, settings, conversations, corpus).write()
    packed = PackedRows.told(statistics, job.out.uri)
    if not packed.rows:
        sources = " and ".join(
            inputs[what].uri for what in (ARTICLES, CONVERSATIONS) if what in inputs
        )
        counts = {name: value for name, value in statistics.items() if type(value) is int}
        told = ", ".join(f"{name} {value}" for name, value in counts.items() if value)
        raise BadInputError(
            f"nothing to pack from {sources} ({told or 'it is empty'}); give more articles, or "
            "raise --token-budget (pack.token_budget in the fleet file)"
        )
    capacity = packed.rows * settings.sequence_length
    return {
        **statistics,
        "fill": round(packed.tokens / capacity, 4),
        "vocabulary": ordinary_digest(inputs["tokenizer"]),
    }


@dataclass(frozen=True)
class _Packing:
    """One of conversations and articles, or both: then with loss masks, and in their share."""

    out: ArtifactWriter
    settings: PackSettings
    conversations: Conversations | None
    corpus: Corpus | None

    def write(self) -> Statistics:
        """Writes the rows of each split, and the articles held out: what there was of all."""
        if self.corpus is None:
            assert self.conversations is not None
            return self._write_training(self.conversations.documents())
        with self.corpus.progress() as progress:
            if self.conversations is None:
                articles = chosen_articles(self.corpus, self.settings, progress)
                found = self._write_training(articles)
            else:
                assert self.settings.article_share is not None
                share = self.settings.article_share
                found = self._write_training(
                    mixed(self.conversations, self.corpus, share, progress)
                )
                found["article_share"] = share_of(self.corpus.packed["tokens"], found["tokens"])
            heldout = self.corpus.all(HELDOUT, progress)
            found["heldout_rows"] = self._write_rows(HELDOUT, heldout)
        write_heldout_articles(self.out, self.corpus.records(HELDOUT))
        count = self.corpus.counts[HELDOUT]
        return found | {f"heldout_{what}": count[what] for what in ("articles", "tokens")}

    def _write_training(self, documents: Iterator[Document]) -> dict[str, Any]:
        found: dict[str, Any] = {"rows": self._write_rows(TRAIN, documents)}
        for part in (self.conversations, self.corpus):
            if part:
                sums = {key: found.get(key, 0) + part.packed[key] for key in TOKENS}
                found |= sums | part.statistics()
        return found

    def _write_rows(self, split: str, documents: Iterator[Document]) -> int:
        schema = MASKED_ROWS if self.conversations and split == TRAIN else ROWS
        return write_rows(self.out, split, pack(documents, self.settings.sequence_length), schema)
