"""The rules by which an article is removed: pure, one article at a time.

First an older capture goes: the newest of a URL is the article, whatever the other rules say of
it. The others are judged twice. The first time finds, of each text, the article to keep; the
second time says of each article by which rule it goes. Memory: about 400 bytes for each
different text, never a text itself.
"""

import hashlib
import unicodedata
from collections.abc import Set
from dataclasses import dataclass, field
from datetime import datetime

OLDER_CAPTURE, TOO_SHORT, TOO_LONG = "older_capture", "too_short", "too_long"
DUPLICATE = "duplicate"
RULES = (OLDER_CAPTURE, TOO_SHORT, TOO_LONG, DUPLICATE)
DIGEST_BYTES = 16


@dataclass(frozen=True, order=True, slots=True)
class Sighting:
    """An article without its text; of equal texts, the least sighting is kept."""

    published_at: datetime
    url: str
    position: int
    """Place in the corpus, from 0: tells apart what is otherwise equal."""


@dataclass(frozen=True)
class Removal:
    """Why an article is removed; `of` is the URL of the article that a duplicate repeats."""

    rule: str
    of: str | None = None


@dataclass
class Rules:
    """Limits of length, both included, positions of older captures, and the texts seen so far."""

    min_characters: int
    max_characters: int
    older: Set[int] = frozenset()
    _kept: dict[bytes, Sighting] = field(default_factory=dict)

    def see(self, body: str, sighting: Sighting) -> None:
        """The first time: notes the article if it is the best of its text so far."""
        if self._own_rule(body, sighting) is None:
            text = text_digest(body)
            self._kept[text] = min(sighting, self._kept.get(text, sighting))

    def judge(self, body: str, sighting: Sighting) -> Removal | None:
        """The second time: why the article goes, or None where it stays."""
        if rule := self._own_rule(body, sighting):
            return Removal(rule)
        best = self._kept[text_digest(body)]
        return None if sighting == best else Removal(DUPLICATE, of=best.url)

    def _own_rule(self, body: str, sighting: Sighting) -> str | None:
        if sighting.position in self.older:
            return OLDER_CAPTURE
        if len(body) < self.min_characters:
            return TOO_SHORT
        return TOO_LONG if len(body) > self.max_characters else None


def text_digest(body: str) -> bytes:
    """Equal for texts that differ only in white space or in how Unicode composes a letter."""
    normal = " ".join(unicodedata.normalize("NFC", body).split())
    return hashlib.blake2b(normal.encode(), digest_size=DIGEST_BYTES).digest()
