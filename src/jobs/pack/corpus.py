"""The articles of an artifact as documents: each URL once, by split, within a budget of tokens."""

from collections import Counter
from collections.abc import Iterator

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
from jobs.pack.settings import PackSettings
from jobs.pack.texts import Text, batched, most_characters, texts_of


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
        """What `chosen` gave, by split."""

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
            documents = text_documents(self._encoder, [text.text for text in batch])
            yield from zip(batch, documents, strict=True)

    def sizes(self) -> tuple[list[float], list[int]]:
        """The draw and the tokens of each article of the training split; one pass."""
        draws, tokens = list[float](), list[int]()
        with self.progress() as progress:
            for text, document in self.documents(TRAIN):
                if text.begins:
                    draws.append(draw(text.url))
                    tokens.append(0)
                tokens[-1] += len(document.ids)
                progress.advance(int(text.begins))
        return draws, tokens

    def chosen(self, split: str, limit: float, progress: Progress) -> Iterator[Document]:
        """The documents of one split, of the training one up to the draw `limit`; counted."""
        count = self.counts[split]
        for text, document in self.documents(split):
            progress.advance(int(text.begins))
            if split == TRAIN and draw(text.url) > limit:
                count["over_budget"] += text.begins
                continue
            size = len(document.ids)
            count["articles"] += text.begins
            count["tokens"] += size
            count["tokens_with_loss"] += size - -(-size // self._longest)
            count["cut"] += text.begins and (not text.whole or size > self._longest)
            yield document

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
