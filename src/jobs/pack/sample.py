"""A fair sample of a corpus within a budget of tokens: no article is encoded that is not needed.

Articles are taken by their draw until the budget is used up. How many tokens one has is known only
once it is encoded, so they are encoded in rounds, of those with the next higher draws about as many
as will do by the length of their text, until the budget is passed. Tokens wait in a file: those of
the sample are then read in the order of the corpus. Memory: some bytes an article; disk: 4 bytes a
token of about the budget.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import numpy.typing as npt

from jobs.kinds.rows import Tokens
from jobs.pack.choosing import budget_limit
from jobs.pack.packing import Document
from jobs.pack.texts import Part

BYTES_PER_TOKEN = 4.0
"""Of news in English; of the first round only, then as seen."""
MORE = 1.03
"""A round takes so much more than seems to be needed."""

Encoded = Iterator[tuple[int, Part, Document]]
"""Of each part of an article: the article's place in the corpus, what it is of it, its tokens."""


@dataclass
class Spilled:
    """Documents in a file, in any order of places."""

    file: IO[bytes]
    places: list[int] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def add(self, place: int, part: Part, document: Document) -> None:
        self.file.write(document.ids.tobytes())
        self.places.append(place)
        self.parts.append(part)
        self.sizes.append(len(document.ids))

    def by_place(self, chosen: npt.NDArray[np.bool_]) -> Iterator[tuple[Part, Document]]:
        """The documents at places that are chosen, in their order."""
        self.file.flush()
        starts = np.cumsum([0, *self.sizes])
        tokens: Tokens = np.empty(0, np.int32)
        if starts[-1]:
            tokens = np.memmap(self.file, dtype=np.int32, mode="r")
        for index in np.argsort(self.places, kind="stable").tolist():
            if chosen[self.places[index]]:
                ids = tokens[starts[index] : starts[index + 1]]
                yield self.parts[index], Document(np.asarray(ids))


class Sample:
    """The sample of a corpus within `budget` tokens."""

    def __init__(
        self,
        draws: npt.NDArray[np.float64],
        bytes_of_text: Sequence[int],
        encode: Callable[[float, float], Encoded],
        budget: int,
        scratch: IO[bytes],
    ) -> None:
        """Of each article its draw and the bytes of its text; `encode` gives those with draws above
        its first argument, up to its second. Tokens wait in the file `scratch`.
        """
        self._encode = encode
        self._spilled = Spilled(scratch)
        self.sizes = np.zeros(len(draws), dtype=np.int64)
        """Tokens of each article that was encoded."""
        order = np.argsort(draws, kind="stable")
        drawn = draws[order]
        passed = np.cumsum(np.asarray(bytes_of_text, dtype=np.int64)[order])
        done, rate = 0, BYTES_PER_TOKEN
        while done < len(drawn) and self.tokens <= budget:
            seen = int(passed[done - 1]) if done else 0
            wanted = seen + MORE * rate * (budget + 1 - self.tokens)
            upto = min(int(np.searchsorted(passed, wanted)), len(drawn) - 1)
            self._round(drawn[done - 1] if done else -1.0, drawn[upto])
            done = int(np.searchsorted(drawn, drawn[upto], side="right"))
            rate = int(passed[done - 1]) / max(1, self.tokens)
        encoded = draws <= (drawn[done - 1] if done else -1.0)
        limit = budget_limit(draws[encoded].tolist(), self.sizes[encoded].tolist(), budget)
        self._chosen = draws <= limit

    @property
    def tokens(self) -> int:
        """That were encoded: all there are, where that is no more than the budget."""
        return int(self.sizes.sum())

    def _round(self, above: float, upto: float) -> None:
        for place, part, document in self._encode(above, upto):
            self._spilled.add(place, part, document)
            self.sizes[place] += len(document.ids)

    def documents(self) -> Iterator[tuple[Part, Document]]:
        """In the order of the corpus."""
        return self._spilled.by_place(self._chosen)
