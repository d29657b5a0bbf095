"""Packed rows in training order, read from the store a group at a time.

The order is a function of seed and epoch alone: row groups are shuffled, then rows within
windows of `WINDOW_GROUPS` groups. So the cursor of a run is one number, the rows consumed so far,
whatever the number of processes. Memory: one window of rows.
"""

import random
from collections.abc import Iterator

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.rows import Row, RowsFile, files_of

WINDOW_GROUPS = 16


class Rows:
    """One split of a rows artifact, of tokens below `vocabulary`: digests and files are checked."""

    def __init__(self, artifact: Artifact, split: str, vocabulary: int) -> None:
        self._vocabulary = vocabulary
        self._files = {path: RowsFile(artifact, path) for path in files_of(artifact, split)}
        self._groups = [
            (path, group)
            for path, file in self._files.items()
            for group in range(len(file.group_rows))
        ]
        self.masked = any(file.masked for file in self._files.values())
        self.number = sum(map(self._group_rows, self._groups))

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
        return self._files[path].group_rows[number]

    def _read(self, group: tuple[str, int]) -> list[Row]:
        path, number = group
        return self._files[path].read(number, self._vocabulary)
