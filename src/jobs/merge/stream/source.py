"""A model as it is read: ranges in any order, and the digest of each file as a whole.

A file's digest needs its bytes in order. Models mostly are read in order, since files list their
tensors by name, as the result does: then every byte is read once, and what is merged is just what
was digested. What was skipped is read for its digest alone; what comes late was digested from
another read than the one it is merged from.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from jobs.artifacts.hashing import PIECE_BYTES, Hasher
from jobs.artifacts.reading import Artifact


@dataclass
class _Cursor:
    """How far into a file its digest has come."""

    hasher: Hasher
    offset: int = 0


class Source:
    """The weight files of one input. `read` is for any thread, `digest` and `verify` for one."""

    def __init__(self, model: Artifact, files: Iterable[str]) -> None:
        self.model = model
        self.remote = model.remote
        self.bytes_read = 0
        self.stopped = False
        """Set by another thread: what is left is of no use any more."""
        self._cursors = {file: _Cursor(model.hasher(file)) for file in sorted(files)}

    def read(self, file: str, start: int, buffer: memoryview) -> memoryview:
        """Bytes of a file from `start`, as many as `buffer` holds; perhaps in it."""
        return self.model.read_into(file, start, buffer)

    def digest(self, file: str, start: int, data: memoryview) -> None:
        """Counts bytes that were read at `start`, and before them what was left out."""
        self.bytes_read += len(data)
        cursor = self._cursors[file]
        if cursor.offset < start:
            self._catch_up(file, cursor, start)
        if cursor.offset == start:
            cursor.hasher.update(data)
            cursor.offset += len(data)

    def versions(self) -> dict[str, str | None]:
        """File → what changes whenever it is written anew."""
        return {file: self.model.version(file) for file in self._cursors}

    def verify(self) -> None:
        """Reads what is missing. Raises BadInputError where a file is not what it should be."""
        for file, cursor in self._cursors.items():
            self._catch_up(file, cursor, self.model.size(file))
            self.model.check(file, cursor.hasher)

    def _catch_up(self, file: str, cursor: _Cursor, end: int) -> None:
        while cursor.offset < end and not self.stopped:
            length = min(PIECE_BYTES, end - cursor.offset)
            cursor.hasher.update(self.model.read_range(file, cursor.offset, length))
            cursor.offset += length
            self.bytes_read += length
