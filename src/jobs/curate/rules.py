"""The rules by which an article is removed: pure, one article at a time.

First an older capture goes: the newest of a URL is the article, whatever the other rules say of
it. Then come the rules that look at an article alone (`own_rules`, where a new one is a line), and
last whether it repeats another. All are asked twice. The first time finds, of each text, the
article to keep; the second time says of each article by which rule it goes. Memory: about 400
bytes for each different text, never a text itself.
"""

import hashlib
import unicodedata
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from jobs.curate.settings import CurateSettings

OLDER_CAPTURE, DUPLICATE = "older_capture", "duplicate"
DIGEST_BYTES = 16


@dataclass(frozen=True, order=True, slots=True)
class Sighting:
    """An article without its text; of equal texts, the least sighting is kept."""

    published_at: datetime
    url: str
    position: int
    """Place in the corpus, from 0: tells apart what is otherwise equal."""


@dataclass(frozen=True, slots=True)
class Article:
    """What the rules look at."""

    sighting: Sighting
    publisher: str
    title: str
    body: str
    language: str


@dataclass(frozen=True)
class Removal:
    """Why an article is removed; `of` is the URL of the article that a duplicate repeats."""

    rule: str
    of: str | None = None


OwnRules: TypeAlias = Mapping[str, Callable[[Article], bool]]


def own_rules(settings: CurateSettings) -> OwnRules:
    """Rule → whether an article goes by it. The first that says so is the one that is told."""
    return {
        "too_short": lambda article: len(article.body) < settings.min_characters,
        "too_long": lambda article: len(article.body) > settings.max_characters,
    }


@dataclass
class Rules:
    """The rules of one article, the positions of older captures, and the texts seen so far."""

    own: OwnRules
    older: Set[int] = frozenset()
    _kept: dict[bytes, Sighting] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """All rules, in the order in which they are asked."""
        return (OLDER_CAPTURE, *self.own, DUPLICATE)

    def see(self, article: Article) -> None:
        """The first time: notes the article if it is the best of its text so far."""
        if self._goes_by(article) is None:
            text = text_digest(article.body)
            self._kept[text] = min(article.sighting, self._kept.get(text, article.sighting))

    def judge(self, article: Article) -> Removal | None:
        """The second time: why the article goes, or None where it stays."""
        if rule := self._goes_by(article):
            return Removal(rule)
        best = self._kept[text_digest(article.body)]
        return None if article.sighting == best else Removal(DUPLICATE, of=best.url)

    def _goes_by(self, article: Article) -> str | None:
        if article.sighting.position in self.older:
            return OLDER_CAPTURE
        return next((name for name, goes in self.own.items() if goes(article)), None)


def text_digest(body: str) -> bytes:
    """Equal for texts that differ only in white space or in how Unicode composes a letter."""
    normal = " ".join(unicodedata.normalize("NFC", body).split())
    return hashlib.blake2b(normal.encode(), digest_size=DIGEST_BYTES).digest()
