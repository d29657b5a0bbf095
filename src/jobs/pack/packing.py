"""Documents into rows: online best fit. Pure.

A document is put, whole, into the open row that it fills best; where none has room a new row is
opened. When more than `max_open_rows` are open, the fullest is closed. A document longer than a
row is cut into pieces of a row's length, each a document of its own; the remainder is packed
like any other. Rows are not padded here: training pads.

Cost: O(log max_open_rows) a document; memory: the open rows, at most max_open_rows × L tokens.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jobs.kinds.rows import Row

MAX_OPEN_ROWS = 1000


@dataclass
class Document:
    """Token ids [n], and which of them carry loss [n] (None: all but the first)."""

    ids: list[int]
    loss_mask: list[bool] | None = None

    def cut(self, length: int) -> Iterator["Document"]:
        """Pieces of `length` tokens and a remainder; itself where it is no longer."""
        for start in range(0, len(self.ids), length):
            mask = None if self.loss_mask is None else self.loss_mask[start : start + length]
            yield Document(self.ids[start : start + length], mask)


def add(row: Row, document: Document) -> None:
    """Puts a document at the end of a row."""
    row.ids += document.ids
    row.lengths.append(len(document.ids))
    if document.loss_mask is not None:
        row.loss_mask = row.loss_mask or []
        row.loss_mask += document.loss_mask


def pack(
    documents: Iterable[Document], sequence_length: int, max_open_rows: int = MAX_OPEN_ROWS
) -> Iterator[Row]:
    """Rows of at most `sequence_length` tokens that hold every token exactly once."""
    open_rows: dict[int, Row] = {}
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
                open_rows[chosen] = Row()
                key += 1
            add(open_rows[chosen], piece)
            if room == size:
                yield open_rows.pop(chosen)
            else:
                insort(free, (room - size, chosen))
            if len(free) > max_open_rows:
                yield open_rows.pop(free.pop(0)[1])
    yield from open_rows.values()
