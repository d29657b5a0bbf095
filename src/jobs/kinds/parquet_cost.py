"""The memory that the values of a row group take, bounded from its packed bytes. Pure.

A value that stands plainly is as large as it is in its page. One that stands in a dictionary may
be repeated by a few bits, so it counts as the longest entry each time.
"""

from dataclasses import dataclass

import pyarrow as pa

from jobs.kinds.parquet_footer import NUMBER_BYTES, TEXT, Chunk
from jobs.kinds.parquet_pages import Page, longest_entry, pages
from jobs.kinds.thrift import ThriftError

MAX_GROUP_BYTES = 2**29
"""Most bytes of a row group: packed, unpacked (dictionaries included), and as values."""
MAX_VALUES = 2**25
MAX_DICTIONARY = 2**22
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


def column_cost(chunk: Chunk, data: memoryview, rows: int) -> Cost:
    """Of one column chunk. Raises ThriftError, or pyarrow's errors where it does not unpack."""
    nested, num_values = chunk.leaf.nested, chunk.num_values
    if not rows <= num_values <= (MAX_VALUES if nested else rows):
        raise ThriftError(f"a column of {rows} rows claims {num_values} values")
    plain = unpacked = 0
    entry = NUMBER_BYTES.get(chunk.leaf.kind, 0)
    for page in pages(data, num_values):
        unpacked += page.unpacked_bytes
        if unpacked > MAX_GROUP_BYTES:
            raise ThriftError(f"a column unpacks to more than {MAX_GROUP_BYTES} bytes")
        if not page.is_dictionary:
            plain += page.unpacked_bytes
        elif chunk.leaf.kind == TEXT:
            entry = _longest(chunk.codec, page)
    each = entry + (_OFFSET_BYTES if chunk.leaf.kind == TEXT else 0)
    if nested:  # any number of the values may be in one row
        return Cost(plain + each * num_values)
    return Cost(plain, each)


def _longest(codec: str | None, page: Page) -> int:
    """Bytes of the longest text of a dictionary."""
    if page.num_values > MAX_DICTIONARY:
        raise ThriftError(f"a dictionary has more than {MAX_DICTIONARY} entries")
    body = page.body
    if codec is not None:
        body = memoryview(pa.Codec(codec).decompress(body, page.unpacked_bytes))
    return longest_entry(body, page.num_values)
