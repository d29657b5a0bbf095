"""New rows and replayed ones in one stream, as Ibrahim et al. 2024 (arXiv 2403.08763).

Which row is a replayed one follows from its number alone, evenly spread; and of each kind the order
from seed and epoch. So the cursor stays one number: the rows consumed so far.
"""

from collections.abc import Iterator
from itertools import count
from math import floor

import numpy as np

from jobs.kinds.rows import Row
from jobs.train.rows import Rows


class Mixture:
    """The rows that are trained on."""

    def __init__(self, new: Rows, replay: Rows | None, share: float, mask_first: int = 0) -> None:
        """A `share` of all rows are of `replay`, where it is given; 0 ≤ share < 1."""
        self._new, self._replay = new, replay
        self._share = share if replay else 0.0
        self._mask_first = mask_first

    @property
    def rows_an_epoch(self) -> float:
        """In which each new row comes once."""
        return self._new.number / (1 - self._share)

    def stream(self, seed: int, consumed: int = 0) -> Iterator[Row]:
        """Endless rows from number `consumed` on."""
        for row in self._mixed(seed, consumed):
            yield without_first(row, self._mask_first)

    def _mixed(self, seed: int, consumed: int) -> Iterator[Row]:
        replayed = floor(consumed * self._share)
        new = self._new.stream(seed, consumed - replayed)
        if self._replay is None:
            yield from new
            return
        old = self._replay.stream(seed, replayed)
        for number in count(consumed):
            is_old = floor((number + 1) * self._share) > floor(number * self._share)
            yield next(old if is_old else new)


def without_first(row: Row, tokens: int) -> Row:
    """The row, of whose documents the first `tokens` carry no loss."""
    if not tokens:
        return row
    position = np.arange(len(row.ids)) - np.repeat(row.starts(), row.lengths)
    counts = position >= tokens
    return Row(row.ids, row.lengths, counts if row.loss_mask is None else counts & row.loss_mask)
