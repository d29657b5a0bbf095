"""Documents into rows: online best fit. Pure.

A document is put, whole, into the open row that it fills best; where none has room a new row is
opened. When more than `max_open_rows` are open, the fullest is closed. A document longer than a
row is cut into pieces of a row's length, each a document of its own; the remainder is packed
like any other. Rows are not padded here: training pads.

Cost: O(log max_open_rows) a document; memory: the open rows, at most max_open_rows × L tokens.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from jobs.kinds.rows import Mask, Row, Tokens

MAX_OPEN_ROWS = 1000


@dataclass(frozen=True, eq=False)
class Document:
    """Token ids [n], and which of them carry loss [n] (None: all but the first)."""

    ids: Tokens
    loss_mask: Mask | None = None

    def cut(self, length: int) -> Iterator["Document"]:
        """Pieces of `length` tokens and a remainder; itself where it is no longer."""
        if len(self.ids) <= length:
            yield self
            return
        for start in range(0, len(self.ids), length):
            mask = None if self.loss_mask is None else self.loss_mask[start : start + length]
            yield Document(self.ids[start : start + length], mask)


def row_of(documents: Sequence[Document]) -> Row:
    """These documents, in order; all have a mask of loss, or none."""
    masks = [one.loss_mask for one in documents if one.loss_mask is not None]
    return Row(
        np.concatenate([one.ids for one in documents]),
        [len(one.ids) for one in documents],
        np.concatenate(masks) if masks else None,
    )


def pack(
    documents: Iterable[Document], sequence_length: int, max_open_rows: int = MAX_OPEN_ROWS
) -> Iterator[Row]:
    """Rows of at most `sequence_length` tokens that hold every token exactly once."""
    open_rows: dict[int, list[Document]] = {}
    free: list[tuple[int, int]] = []  # (room left, key of the row), ascending
    key = 0
    for document in documents:
        for piece in document.cut(sequence_length):
            size = len(piece.ids)
            index = bisect_left(free, (size, 0))
            if index < len(free):
                room, chosen = free.pop(index)
            else:
                room, chosen = sequence_length, key
                open_rows[chosen] = []
                key += 1
            open_rows[chosen].append(piece)
            if room == size:
                yield row_of(open_rows.pop(chosen))
            else:
                insort(free, (room - size, chosen))
            if len(free) > max_open_rows:
                yield row_of(open_rows.pop(free.pop(0)[1]))
    yield from map(row_of, open_rows.values())
