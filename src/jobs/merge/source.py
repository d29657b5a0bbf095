"""A model as it is read: ranges in any order, and the digest of each file as a whole.

A file's SHA-256 needs its bytes in order. Models mostly are read in order, since files list their
tensors by name, as the result does: then every byte is read once. Whatever was read out of order,
or not at all, is read (again) at the end, by `verify`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.artifact import COPY_BYTES, Artifact
from jobs.model import Tensor, weight_files


@dataclass
class _Cursor:
    """How far into a file its digest has come."""

    place: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)


class Source:
    """The weight files of one input. `read` is for any thread, `digest` and `verify` for one."""

    def __init__(self, model: Artifact, tensors: Mapping[str, Tensor]) -> None:
        self.model = model
        self.remote = model.prefix.folder is None
        self.bytes_read = 0
        self._cursors = {file: _Cursor() for file in weight_files(model)}
        self._data_starts: dict[str, int] = {}
        for tensor in tensors.values():
            first = self._data_starts.get(tensor.file, tensor.start)
            self._data_starts[tensor.file] = min(first, tensor.start)

    def read(self, file: str, start: int, buffer: memoryview) -> memoryview:
        """Bytes of a file from `start`, as many as `buffer` holds; perhaps in it."""
        return self.model.read_into(file, start, buffer)

    def digest(self, file: str, start: int, data: memoryview) -> None:
        """Counts bytes that were read at `start`, if they are the next of their file."""
        self.bytes_read += len(data)
        cursor = self._cursors[file]
        if cursor.place == 0:
            self._catch_up(file, cursor, self._data_starts[file])
        if cursor.place == start:
            cursor.sha256.update(data)
            cursor.place += len(data)

    def verify(self) -> None:
        """Reads what is missing. Raises BadInputError where a file is not what it should be."""
        for file, cursor in self._cursors.items():
            self._catch_up(file, cursor, self.model.size(file))
            self.model.check(file, cursor.sha256.hexdigest())

    def _catch_up(self, file: str, cursor: _Cursor, end: int) -> None:
        while cursor.place < end:
            length = min(COPY_BYTES, end - cursor.place)
            cursor.sha256.update(self.model.read_range(file, cursor.place, length))
            cursor.place += length
            self.bytes_read += length
