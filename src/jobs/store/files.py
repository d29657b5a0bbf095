"""Python's files over objects of a store. Not included: the store itself (`jobs.store.prefix`)."""

import io
from collections.abc import Callable
from typing import Any, Protocol


class Readable(Protocol):
    """What an object is read from, by its path."""

    def size(self, path: str) -> int: ...
    def read_into(self, path: str, start: int, buffer: memoryview) -> None: ...
    def read_range(self, path: str, start: int, length: int) -> memoryview: ...


class Upload(Protocol):
    """An object on its way into the store: it appears by `finish`, or not at all."""

    def write(self, data: memoryview) -> None: ...
    def finish(self) -> None: ...
    def abandon(self) -> None: ...


class RangedFile(io.RawIOBase):
    """Reads an object by ranges; to be wrapped in a BufferedReader."""

    def __init__(self, source: Readable, path: str) -> None:
        self._source, self._path = source, path
        self._size = source.size(path)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._size - self._position)
        if length <= 0:
            return 0
        self._source.read_into(self._path, self._position, memoryview(buffer)[:length])
        self._position += length
        return length

    def readall(self) -> bytes:
        """The rest, by one range; the inherited one reads a few kilobytes at a time."""
        length = max(0, self._size - self._position)
        rest = self._source.read_range(self._path, self._position, length)
        self._position += length
        return bytes(rest)


class WrittenFile(io.RawIOBase):
    """Hands on whatever is written into it."""

    def __init__(self, take: Callable[[memoryview], None]) -> None:
        self._take = take

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._take(view)
        return view.nbytes
