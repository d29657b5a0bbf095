"""The articles of an artifact as documents: each URL once, by split, within a budget of tokens."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from jobs.artifacts.reading import Artifact
from jobs.command.bounded import Bounded
from jobs.command.progress import Progress
from jobs.kinds.articles import read_articles
from jobs.kinds.captures import older_captures
from jobs.kinds.promises import KeptArticles
from jobs.kinds.rows import HELDOUT, HELDOUT_ARTICLES_SCHEMA, SPLITS, TRAIN, HeldoutArticle
from jobs.pack.choosing import draw, heldout
from jobs.pack.encoding import text_documents
from jobs.pack.packing import Document
from jobs.pack.sample import Encoded, Sample
from jobs.pack.settings import PackSettings
from jobs.pack.texts import Part, batched, most_characters, texts_of


class Corpus:
    """The articles of an artifact by split, each URL once, as texts and as tokens.

    Memory: a batch of articles (`read_part`), the tokens of one of texts (`jobs.pack.texts`), and
    some bytes a URL.
    """

    def __init__(self, articles: Artifact, encoder: Bounded, settings: PackSettings) -> None:
        self._articles, self._encoder = articles, encoder
        self._fraction, self._longest = settings.heldout_fraction, settings.sequence_length
        self._most = most_characters(settings.sequence_length)
        self.older = older_captures(articles)
        self.counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
        """What was given, by split."""

    def progress(self) -> Progress:
        """Over all articles."""
        kept = KeptArticles.told(self._articles.statistics, self._articles.uri).kept
        return Progress("pack", kept - len(self.older), "articles")

    def records(self, split: str) -> Iterator[HeldoutArticle]:
        """The articles of one split, in the order of the artifact."""
        for _, batch, index in self._places(split):
            yield _record(batch, index)

    def _places(self, split: str) -> Iterator[tuple[float, pa.RecordBatch, int]]:
        """The draw of each article of a split, and where it is: a batch, and an index in it."""
        position = 0
        for batch in read_articles(self._articles):
            for index, url in enumerate(batch.column("url").to_pylist()):
                mine = heldout(url, self._fraction) == (split == HELDOUT)
                if mine and position + index not in self.older:
                    yield draw(url), batch, index
            position += batch.num_rows

    def _documents(
        self, split: str, progress: Progress, above: float = -1.0, upto: float = 1.0
    ) -> Encoded:
        """The articles of a split as tokens: those with draws above the one, up to the other."""
        texts = (
            text
            for number, (drawn, batch, index) in enumerate(self._places(split))
            if above < drawn <= upto
            for text in texts_of(number, *_record(batch, index)[1:], self._most)
        )
        for batch in batched(texts, self._most):
            documents = text_documents(self._encoder, [text.text for text in batch])
            for text, document in zip(batch, documents, strict=True):
                progress.advance(int(text.part.begins))
                yield text.place, text.part, document

    def all(self, split: str, progress: Progress) -> Iterator[Document]:
        """The documents of one split, in the order of the artifact; counted."""
        for _, part, document in self._documents(split, progress):
            yield self._counted(split, part, document)

    @contextmanager
    def sample(self, budget: int, progress: Progress) -> Iterator[Sample]:
        """The training articles that fit, by their draw, into so many tokens."""
        draws, sizes = list[float](), list[int]()
        for drawn, batch, index in self._places(TRAIN):
            draws.append(drawn)
            texts = (batch.column(name)[index].as_buffer() for name in ("title", "body"))
            sizes.append(sum(text.size for text in texts))

        def encode(above: float, upto: float) -> Encoded:
            return self._documents(TRAIN, progress, above, upto)

        with tempfile.TemporaryFile() as scratch:
            yield Sample(np.array(draws), sizes, encode, budget, scratch)

    def sampled(self, sample: Sample, progress: Progress) -> Iterator[Document]:
        """The documents of a sample; counted."""
        for part, document in sample.documents():
            yield self._counted(TRAIN, part, document)
        count = self.counts[TRAIN]
        count["over_budget"] = len(sample.sizes) - count["articles"]
        progress.advance(int((sample.sizes == 0).sum()))

    def _counted(self, split: str, part: Part, document: Document) -> Document:
        count, size = self.counts[split], len(document.ids)
        count["articles"] += part.begins
        count["tokens"] += size
        count["tokens_with_loss"] += size - -(-size // self._longest)
        count["cut"] += part.begins and (not part.whole or size > self._longest)
        return document

    @property
    def packed(self) -> Counter[str]:
        """Of what was chosen for training."""
        return self.counts[TRAIN]

    def statistics(self) -> dict[str, int | float]:
        """Of what was chosen for training, and left out."""
        train = self.packed
        return {
            "articles": train["articles"],
            "articles_cut": train["cut"],
            "articles_over_budget": train["over_budget"],
            "older_captures": len(self.older),
            "tokens_per_article": round(train["tokens"] / max(1, train["articles"]), 1),
        }


def _record(batch: pa.RecordBatch, index: int) -> HeldoutArticle:
    names = HELDOUT_ARTICLES_SCHEMA.names
    return HeldoutArticle(*(batch.column(name)[index].as_py() for name in names))
