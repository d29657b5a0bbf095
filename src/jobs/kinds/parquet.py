"""The one place where a Parquet file is opened and read.

A file may be damaged, or made to harm with a manifest to match. What it claims is checked before
it is unpacked, what it holds after: whatever is not of the expected columns, not UTF-8 or beyond
the bounds ends as one line of BadInputError that names the file, never as a library's exception.

Memory, beside what is asked for: a file of up to `WHOLE_BYTES`; the packed bytes of one row group
and its largest column unpacked, twice. Each of these is at most `MAX_GROUP_BYTES`.
"""

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.parquet_cost import MAX_GROUP_BYTES, Cost, column_cost
from jobs.kinds.parquet_footer import read_footer
from jobs.libraries import cause
from jobs.words import listed

WHOLE_BYTES = 2**26
MAX_FOOTER_BYTES = 2**21
MAX_ROWS = 2**24
BATCH_BYTES = 2**24

_MAGIC, _TAIL_BYTES = b"PAR1", 2**16
# What pyarrow says of a bad file, and what Python says of its values.
_COMPLAINTS = (
    pa.ArrowException, ArithmeticError, EOFError, LookupError, MemoryError, OSError,
    RecursionError, TypeError, ValueError,
)  # fmt: skip


class ParquetFile:
    """A Parquet file whose columns are one of `schemas`; `read` gives bytes by start and length."""

    def __init__(
        self, where: str, size: int, read: Callable[[int, int], memoryview], *schemas: pa.Schema
    ) -> None:
        self.where, self._size, self._range = where, size, read
        with self.checked():
            self._read_footer()
            self._check_schema(schemas)
        self.group_rows = [group.rows for group in self._groups]
        if self.num_rows > MAX_ROWS:
            raise self.error(f"it claims {self.num_rows} rows; read are up to {MAX_ROWS}")

    @classmethod
    def of(
        cls, artifact: Artifact, path: str, *schemas: pa.Schema, in_place: bool = False
    ) -> "ParquetFile":
        """A file of an artifact, its digest checked.

        A small file is read once and kept, unless `in_place`; others are read for the digest, and
        again a row group at a time.
        """
        where, size = f"{artifact.uri}/{path}", artifact.size(path)
        if in_place or size > WHOLE_BYTES:
            artifact.verify(path)
            return cls(where, size, partial(artifact.read_range, path), *schemas)
        return cls.held(where, artifact.read(path), *schemas)

    @classmethod
    def held(cls, where: str, data: bytes, *schemas: pa.Schema) -> "ParquetFile":
        """A file that is in memory."""
        view = memoryview(data)
        return cls(where, len(data), lambda start, length: view[start : start + length], *schemas)

    @property
    def num_rows(self) -> int:
        return sum(self.group_rows)

    def error(self, why: str) -> BadInputError:
        return BadInputError(f"{self.where} cannot be read: {why}; make its artifact anew")

    @contextlib.contextmanager
    def checked(self) -> Iterator[None]:
        """Within it whatever the file's bytes or values lead to is a BadInputError."""
        try:
            yield
        except _COMPLAINTS as error:
            raise self.error(cause(error)) from error

    def batches(self, max_rows: int, max_bytes: int = BATCH_BYTES) -> Iterator[pa.RecordBatch]:
        """All rows in order, at most `max_rows` at a time, which take at most `max_bytes`.

        Where the row group has values that large a batch is one row, and takes what that does.
        """
        for group in range(len(self.group_rows)):
            with self.checked():
                cost, file = self._open_group(group)
                size = min(max_rows, cost.rows_in(max_bytes))
                found = file.iter_batches(size, [group], use_threads=False)
            while (batch := self._next(found)) is not None:
                yield batch

    def table(self, max_bytes: int = MAX_GROUP_BYTES) -> pa.Table:
        """All rows. Raises BadInputError where they take more than `max_bytes`."""
        found: list[pa.RecordBatch] = []
        total = 0
        for batch in self.batches(MAX_ROWS):
            total += batch.nbytes
            if total > max_bytes:
                raise self.error(f"its rows take more than {max_bytes} bytes")
            found.append(batch)
        return pa.Table.from_batches(found, self.schema)

    def group(self, group: int) -> pa.Table:
        """One row group, whole. Raises BadInputError where it may not fit `MAX_GROUP_BYTES`."""
        with self.checked():
            cost, file = self._open_group(group)
            needed = cost.fixed + cost.row * self.group_rows[group]
            if needed > MAX_GROUP_BYTES:
                raise self.error(f"row group {group} may take {needed} bytes")
            table = file.read_row_group(group, use_threads=False)
            table.validate(full=True)
        return table

    def _next(self, batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
        with self.checked():
            batch = next(batches, None)
            if batch is not None:
                batch.validate(full=True)
        return batch

    def _read_footer(self) -> None:
        if self._size < 12 or self._range(0, 4) != _MAGIC:
            raise self.error("it does not begin as a Parquet file")
        tail = self._range(self._size - 8, 8)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC:
            raise self.error("it does not end as a Parquet file that is whole")
        if length > min(MAX_FOOTER_BYTES, self._size - 12):
            raise self.error(f"its footer would be {length} bytes, of {self._size}")
        start = max(0, self._size - max(length + 8, _TAIL_BYTES))
        data = self._range(start, self._size - start)
        self._groups = read_footer(data[-8 - length : -8], self._size)
        file = self._open([(start, data)])
        self._metadata, self.schema = file.metadata, file.schema_arrow

    def _check_schema(self, schemas: Sequence[pa.Schema]) -> None:
        names = self.schema.names
        if len(set(names)) < len(names):
            raise self.error("two of its columns have one name")
        if schemas and not any(self.schema.equals(schema) for schema in schemas):
            expected = set(schemas[0])
            wrong = [f"{f.name} {f.type}" for f in self.schema if f not in expected]
            raise self.error(
                f"its columns are others ({listed(wrong)}), "
                f"expected {', '.join(f'{f.name} {f.type}' for f in schemas[0])}"
            )

    def _open_group(self, group: int) -> tuple[Cost, pq.ParquetFile]:
        """What a row group takes, and the file with the bytes of that group alone."""
        found = self._groups[group]
        if sum(chunk.length for chunk in found.chunks) > MAX_GROUP_BYTES:
            raise self.error(f"row group {group} is larger than {MAX_GROUP_BYTES} bytes")
        pieces = [(chunk.start, self._range(chunk.start, chunk.length)) for chunk in found.chunks]
        cost = Cost()
        for chunk, (_, data) in zip(found.chunks, pieces, strict=True):
            cost += column_cost(chunk, data, found.rows)
        if cost.fixed > MAX_GROUP_BYTES:
            raise self.error(f"row group {group} may take {cost.fixed} bytes")
        return cost, self._open(pieces, self._metadata)

    def _open(
        self,
        pieces: Sequence[tuple[int, memoryview]],
        metadata: pq.FileMetaData | None = None,
    ) -> pq.ParquetFile:
        return pq.ParquetFile(
            pa.PythonFile(_Pieces(pieces, self._size), mode="r"),
            metadata=metadata,
            pre_buffer=False,
            page_checksum_verification=True,
            thrift_string_size_limit=MAX_FOOTER_BYTES,
            thrift_container_size_limit=2**17,
            arrow_extensions_enabled=False,
        )


class _Pieces(io.RawIOBase):
    """A file of which only some pieces are at hand; reading elsewhere is an error."""

    def __init__(self, pieces: Sequence[tuple[int, memoryview]], size: int) -> None:
        self._pieces, self._size, self._position = pieces, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        return bytes(self.read_buffer(size))

    def read_buffer(self, size: int) -> memoryview:
        """What pyarrow asks for instead of `read`: no copy."""
        for start, data in self._pieces:
            offset = self._position - start
            if 0 <= offset < len(data):
                found = data[offset : offset + size]
                self._position += len(found)
                return found
        raise ValueError(f"nothing of it is at byte {self._position}")
