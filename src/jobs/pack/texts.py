"""Articles as texts of bounded size, in batches of bounded size, for a tokenizer. Pure.

A tokenizer takes some hundred bytes of memory a character, so what it is handed at a time is
bounded in characters: neither many articles nor a long one take more.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

BATCH_TEXTS = 1024
BATCH_CHARACTERS = 2**19
CHARACTERS_PER_TOKEN = 8
"""More than text has, on average: what has that many for each token of a row is longer than it."""


class Part(NamedTuple):
    """What a text is of its article."""

    begins: bool = True
    """The first piece of it."""
    whole: bool = True
    """All of it."""


@dataclass(frozen=True)
class Text:
    """An article, title first, or one of the pieces of it."""

    place: int
    """Of the article, in its corpus."""
    text: str
    part: Part


def most_characters(sequence_length: int) -> int:
    """The longest text that is not cut, and the most that a batch has."""
    return max(BATCH_CHARACTERS, CHARACTERS_PER_TOKEN * sequence_length)


def texts_of(place: int, title: str, body: str, most: int) -> Iterator[Text]:
    """The article; in pieces of at most `most` characters where it is longer."""
    article = f"{title}\n\n{body}"
    start = 0
    while start < len(article):
        end = _end(article, start, most)
        yield Text(place, article[start:end], Part(start == 0, end - start == len(article)))
        start = end


def _end(text: str, start: int, most: int) -> int:
    """Where a piece ends: after a paragraph, or else a word, of its second half; or anywhere."""
    end = start + most
    if end >= len(text):
        return len(text)
    for mark in ("\n\n", " "):
        found = text.rfind(mark, start + most // 2, end)
        if found >= 0:
            return found + len(mark)
    return end


def batched(texts: Iterable[Text], most: int) -> Iterator[list[Text]]:
    """The texts in order, at most `BATCH_TEXTS` and `most` characters at a time."""
    batch: list[Text] = []
    size = 0
    for text in texts:
        if batch and (len(batch) == BATCH_TEXTS or size + len(text.text) > most):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text.text)
    if batch:
        yield batch
