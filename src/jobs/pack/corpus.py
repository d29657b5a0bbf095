"""The articles of an artifact as documents: each URL once, by split, within a budget of tokens."""

import math
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.artifacts.reading import Artifact
from jobs.command.bounded import Bounded
from jobs.command.progress import Progress
from jobs.kinds.articles import read_articles
from jobs.kinds.captures import older_captures
from jobs.kinds.promises import KeptArticles
from jobs.kinds.rows import HELDOUT, HELDOUT_ARTICLES_SCHEMA, SPLITS, TRAIN, HeldoutArticle
from jobs.pack.choosing import draw
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
        for _, record in self._records(*self._draws(split)):
            yield record

    def _draws(self, split: str) -> tuple[float, float]:
        """A split's articles have draws above the first, up to the second."""
        border = math.nextafter(self._fraction, -1)
        return (-1.0, border) if split == HELDOUT else (border, 1.0)

    def _records(self, above: float, upto: float) -> Iterator[tuple[int, HeldoutArticle]]:
        """The articles of such draws, each with its number among those to train on."""
        begin, end = self._draws(TRAIN)
        names = HELDOUT_ARTICLES_SCHEMA.names
        number = -1
        for index, batch, drawn in self._each():
            number += begin < drawn <= end
            if above < drawn <= upto:
                yield number, HeldoutArticle(*(batch.column(n)[index].as_py() for n in names))

    def _each(self) -> Iterator[tuple[int, pa.RecordBatch, float]]:
        """Each article but older captures: its index in a batch, and its draw."""
        position = 0
        for batch in read_articles(self._articles):
            for index, url in enumerate(batch.column("url").to_pylist()):
                if position + index not in self.older:
                    yield index, batch, draw(url)
            position += batch.num_rows

    def _documents(self, above: float, upto: float, progress: Progress) -> Encoded:
        """The articles of such draws as tokens."""
        texts = (
            text
            for number, (_, title, body) in self._records(above, upto)
            for text in texts_of(number, title, body, self._most)
        )
        for batch in batched(texts, self._most):
            documents = text_documents(self._encoder, [text.text for text in batch])
            for text, document in zip(batch, documents, strict=True):
                progress.advance(int(text.part.begins))
                yield text.place, text.part, document

    def all(self, split: str, progress: Progress) -> Iterator[Document]:
        """The documents of one split, in the order of the artifact; counted."""
        for _, part, document in self._documents(*self._draws(split), progress):
            yield self._counted(split, part, document)

    @contextmanager
    def sample(self, budget: int, progress: Progress) -> Iterator[Sample]:
        """The training articles that fit, by their draw, into so many tokens."""
        draws, characters = list[float](), list[int]()
        begin, end = self._draws(TRAIN)
        lengths: list[int] = []
        last: pa.RecordBatch | None = None
        for index, batch, drawn in self._each():
            if batch is not last:
                last = batch
                title, body = (pc.utf8_length(batch.column(n)) for n in ("title", "body"))
                lengths = pc.add(title, body).to_pylist()
            if begin < drawn <= end:
                draws.append(drawn)
                characters.append(lengths[index])

        def encode(above: float, upto: float) -> Encoded:
            return self._documents(above, upto, progress)

        with tempfile.TemporaryFile() as scratch:
            yield Sample(np.array(draws), characters, encode, budget, scratch)

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
