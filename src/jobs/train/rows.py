"""Packed rows in training order, read from the store a group at a time.

The order is a function of seed and epoch alone: row groups are shuffled, then rows within
windows of `WINDOW_GROUPS` groups. So the cursor of a run is one number, the rows consumed so far,
whatever the number of processes. Memory: one window of rows.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError

WINDOW_GROUPS = 16


@dataclass(frozen=True)
class Row:
    """Token ids [n ≤ L] of documents side by side; their lengths; which tokens carry loss [n]."""

    ids: list[int]
    lengths: list[int]
    loss_mask: list[bool] | None

    @property
    def labelled_tokens(self) -> int:
        """Tokens that carry loss; a document's first never does: nothing stands before it."""
        if self.loss_mask is None:
            return len(self.ids) - len(self.lengths)
        starts = self.starts()
        return sum(on and place not in starts for place, on in enumerate(self.loss_mask))

    def starts(self) -> set[int]:
        """Places of the documents' first tokens."""
        places, at = set(), 0
        for length in self.lengths:
            places.add(at)
            at += length
        return places


class Rows:
    """One part (train or heldout) of a rows artifact."""

    def __init__(self, artifact: Artifact, part: str) -> None:
        paths = [path for path in artifact.paths if path.startswith(f"{part}/")]
        for path in paths:
            artifact.verify(path)
        self._files = {path: pq.ParquetFile(artifact.open_file(path)) for path in paths}
        self._groups = [
            (path, group)
            for path, file in self._files.items()
            for group in range(file.metadata.num_row_groups)
        ]
        self.masked = any("loss_mask" in file.schema_arrow.names for file in self._files.values())
        self.number = sum(file.metadata.num_rows for file in self._files.values())

    def stream(self, seed: int, consumed: int = 0) -> Iterator[Row]:
        """Endless rows from number `consumed` on, epoch after epoch."""
        if not self.number:
            raise BadInputError("there are no rows to train on")
        epoch, skip = divmod(consumed, self.number)
        while True:
            for window in self._windows(seed, epoch):
                size = sum(self._group_rows(group) for group in window)
                if skip >= size:
                    skip -= size
                    continue
                yield from self._shuffled(window, seed, epoch)[skip:]
                skip = 0
            epoch += 1

    def first(self, most: int) -> list[Row]:
        """The first `most` rows, in the order of the artifact."""
        found: list[Row] = []
        for group in self._groups:
            if len(found) >= most:
                break
            found += self._read(group)
        return found[:most]

    def _windows(self, seed: int, epoch: int) -> Iterator[list[tuple[str, int]]]:
        groups = list(self._groups)
        random.Random(f"{seed} {epoch}").shuffle(groups)
        for start in range(0, len(groups), WINDOW_GROUPS):
            yield groups[start : start + WINDOW_GROUPS]

    def _shuffled(self, window: list[tuple[str, int]], seed: int, epoch: int) -> list[Row]:
        rows = [row for group in window for row in self._read(group)]
        random.Random(f"{seed} {epoch} {window[0]}").shuffle(rows)
        return rows

    def _group_rows(self, group: tuple[str, int]) -> int:
        path, number = group
        rows: int = self._files[path].metadata.row_group(number).num_rows
        return rows

    def _read(self, group: tuple[str, int]) -> list[Row]:
        path, number = group
        columns: dict[str, Any] = self._files[path].read_row_group(number).to_pydict()
        masks = columns.get("loss_mask") or [None] * len(columns["lengths"])
        fields = zip(columns["input_ids"], columns["lengths"], masks, strict=True)
        return [Row(ids, lengths, mask) for ids, lengths, mask in fields]
