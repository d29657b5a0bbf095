"""The footer of a Parquet file, read before pyarrow does. Pure.

pyarrow ends the process, with no exception to catch, when it is asked for a column whose codec,
type or name in a damaged footer is none. So what it may be asked is read and checked here first.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from jobs.kinds.parquet_pages import ENCODINGS
from jobs.kinds.thrift import (
    BINARY,
    I32,
    I64,
    STRUCT,
    Reader,
    Struct,
    ThriftError,
    inner,
    number,
    numbers,
    structs,
)

TEXT = 6
NUMBER_BYTES = {0: 1, 1: 4, 2: 8, 4: 4, 5: 8}
"""Of the physical types BOOLEAN, INT32, INT64, FLOAT and DOUBLE, by their numbers."""
CODECS = {0: None, 1: "snappy", 2: "gzip", 6: "zstd"}
_REPEATED = 2
_MAX_ROWS_IN_GROUP = 2**31 - 1


@dataclass(frozen=True)
class Leaf:
    """A column of plain values: its physical type, and whether a row may have any number."""

    kind: int
    nested: bool


@dataclass(frozen=True)
class Chunk:
    """A column in one row group: where its bytes lie, and how many values they are packed from."""

    leaf: Leaf
    codec: str | None
    num_values: int
    start: int
    length: int


@dataclass(frozen=True)
class Group:
    """One row group."""

    rows: int
    chunks: tuple[Chunk, ...]


def read_footer(data: memoryview, file_bytes: int) -> list[Group]:
    """The row groups of a file of that size. Raises ThriftError."""
    footer = Reader(data).struct()
    if (8, STRUCT) in footer:
        raise ThriftError("it is encrypted")
    leaves = list(_leaves(structs(footer, 2, "its schema")))
    groups = [_group(group, leaves) for group in structs(footer, 4, "its row groups")]
    if number(footer, 3, I64, "the number of rows") != sum(group.rows for group in groups):
        raise ThriftError("its footer contradicts itself in the number of rows")
    for group in groups:
        if any(chunk.start + chunk.length > file_bytes for chunk in group.chunks):
            raise ThriftError("a row group is not within the file")
    return groups


def _leaves(elements: list[Struct]) -> Iterator[Leaf]:
    """The columns of a schema, which is a tree that is written parents first."""
    if not elements:
        raise ThriftError("its schema is empty")
    open_parents = [(number(elements[0], 5, I32, "the number of columns"), False)]
    for element in elements[1:]:
        while open_parents and open_parents[-1][0] == 0:
            open_parents.pop()
        if not open_parents:
            raise ThriftError("its schema has more columns than it says")
        left, nested = open_parents.pop()
        open_parents.append((left - 1, nested))
        nested = nested or number(element, 3, I32, "the repetition of a column") == _REPEATED
        if (5, I32) in element:
            open_parents.append((number(element, 5, I32, "the number of fields"), nested))
        else:
            yield Leaf(number(element, 1, I32, "the type of a column"), nested)
    if any(left for left, _ in open_parents):
        raise ThriftError("its schema has fewer columns than it says")


def _group(group: Struct, leaves: list[Leaf]) -> Group:
    columns = structs(group, 1, "the columns of a row group")
    if len(columns) != len(leaves):
        raise ThriftError("a row group has other columns than the schema")
    rows = number(group, 3, I64, "the rows of a row group")
    if rows > _MAX_ROWS_IN_GROUP:
        raise ThriftError(f"a row group claims {rows} rows")
    chunks = (_chunk(column, leaf) for column, leaf in zip(columns, leaves, strict=True))
    return Group(rows, tuple(chunks))


def _chunk(column: Struct, leaf: Leaf) -> Chunk:
    if (1, BINARY) in column or (8, STRUCT) in column:
        raise ThriftError("a column lies in another file or is encrypted")
    found = inner(column, 3, "the description of a column")
    kind, codec = (number(found, field, I32, "the type or codec of a column") for field in (1, 4))
    if kind != leaf.kind or (kind != TEXT and kind not in NUMBER_BYTES):
        raise ThriftError(f"a column is of physical type {kind}, which is not read")
    if codec not in CODECS:
        raise ThriftError(f"a column is packed by codec {codec}, which is not read")
    if not set(numbers(found, 2, "the encodings of a column")) <= ENCODINGS:
        raise ThriftError("a column is in another encoding than plain or by a dictionary")
    start = number(found, 9, I64, "the place of a column")
    if (11, I64) in found:
        dictionary = number(found, 11, I64, "the place of a dictionary")
        start = dictionary if 0 < dictionary < start else start
    length = number(found, 7, I64, "the size of a column")
    num_values = number(found, 5, I64, "the number of values of a column")
    return Chunk(leaf, CODECS[codec], num_values, start, length)
