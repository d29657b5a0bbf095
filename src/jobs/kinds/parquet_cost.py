"""The memory that the values of a row group take, bounded from its packed bytes. Pure.

A value that stands plainly is as large as it is in its page. One that stands in a dictionary may
be repeated by a few bits, so it counts as the longest entry each time.
"""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from jobs.kinds.parquet_pages import DICTIONARY_PAGE, Page, PageError, longest_entry, pages

MAX_GROUP_BYTES = 2**29
"""Most bytes of a row group: packed, unpacked (a dictionary included), and as values."""
MAX_VALUES = 2**25
MAX_DICTIONARY = 2**22

_CODECS = {"SNAPPY", "ZSTD", "GZIP"}
_NUMBER_BYTES = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "FLOAT": 4, "DOUBLE": 8}
_TEXT = "BYTE_ARRAY"
_OFFSET_BYTES = 8
"""What a text takes beside itself."""


@dataclass(frozen=True)
class Cost:
    """Bytes of values: of all that do not depend on the number of rows read, and of any one row
    besides.
    """

    fixed: int = 0
    row: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.fixed + other.fixed, self.row + other.row)

    def rows_in(self, max_bytes: int) -> int:
        """Rows that take at most `max_bytes`; one, where already that may take more."""
        left = max(0, max_bytes - self.fixed)
        return max(1, left // max(1, self.row))


def column_cost(column: Any, nested: bool, chunk: memoryview, rows: int) -> Cost:
    """Of one column chunk (pyarrow's ColumnChunkMetaData). Raises PageError."""
    kind, num_values = column.physical_type, column.num_values
    if kind != _TEXT and kind not in _NUMBER_BYTES:
        raise PageError(f"column {column.path_in_schema} is of type {kind}")
    if column.compression != "UNCOMPRESSED" and column.compression not in _CODECS:
        raise PageError(f"it is packed with {column.compression}")
    if not rows <= num_values <= (MAX_VALUES if nested else rows):
        raise PageError(f"a column of {rows} rows claims {num_values} values")
    plain = unpacked = 0
    entry = _NUMBER_BYTES.get(kind, 0)
    for page in pages(chunk, num_values):
        unpacked += page.unpacked_bytes
        if unpacked > MAX_GROUP_BYTES:
            raise PageError(f"a column unpacks to more than {MAX_GROUP_BYTES} bytes")
        if page.kind != DICTIONARY_PAGE:
            plain += page.unpacked_bytes
        elif kind == _TEXT:
            entry = _longest(column.compression, page)
    each = entry + (_OFFSET_BYTES if kind == _TEXT else 0)
    if nested:  # any number of the values may be in one row
        return Cost(plain + each * num_values)
    return Cost(plain, each)


def _longest(compression: str, page: Page) -> int:
    """Bytes of the longest text of a dictionary."""
    if page.num_values > MAX_DICTIONARY:
        raise PageError(f"a dictionary has more than {MAX_DICTIONARY} entries")
    body = page.body
    if compression in _CODECS:
        body = memoryview(pa.Codec(compression.lower()).decompress(body, page.unpacked_bytes))
    return longest_entry(body, page.num_values)
