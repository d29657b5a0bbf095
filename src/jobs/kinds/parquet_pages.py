"""The pages of a column chunk of a Parquet file, before anything is unpacked. Pure.

A footer says how large its columns are, but readers go by the pages, whose headers lie among the
data: one that claims two gigabytes is given them, and a few bytes stand for any number of equal
values. So the headers are walked first (as in parquet-format's ``parquet.thrift``), and what could
repeat without a bound is refused: encodings other than plain values and dictionaries.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from jobs.kinds.thrift import I32, Reader, Struct, ThriftError, inner, number

DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 = 0, 2, 3
PLAIN, PLAIN_DICTIONARY, RLE, BIT_PACKED, RLE_DICTIONARY = 0, 2, 3, 4, 8
ENCODINGS = {PLAIN, PLAIN_DICTIONARY, RLE, BIT_PACKED, RLE_DICTIONARY}

# The field of a page header that holds the rest, by the page's type; therein, the encoding's.
_INNER = {DATA_PAGE: (5, 2), DICTIONARY_PAGE: (7, 2), DATA_PAGE_V2: (8, 4)}
_OF_DATA = {PLAIN, PLAIN_DICTIONARY, RLE, RLE_DICTIONARY}
_OF_DICTIONARIES = {PLAIN, PLAIN_DICTIONARY}


@dataclass(frozen=True)
class Page:
    """One page: its body as it lies in the chunk, and what it becomes."""

    is_dictionary: bool
    body: memoryview
    unpacked_bytes: int
    num_values: int


def pages(chunk: memoryview, num_values: int) -> Iterator[Page]:
    """The pages up to that which completes `num_values`, where every reader stops.

    Raises ThriftError.
    """
    position = seen = 0
    while seen < num_values:
        reader = Reader(chunk, position)
        page = _page(reader.struct(), chunk, reader.position)
        position = reader.position + len(page.body)
        if not page.is_dictionary:
            seen += page.num_values
        elif seen or page.num_values * 4 > page.unpacked_bytes:  # a value takes four bytes or more
            raise ThriftError("a dictionary is misplaced or claims more values than it has")
        yield page
    if seen != num_values:
        raise ThriftError(f"the pages of a column hold {seen} values, its footer says {num_values}")


def _page(header: Struct, chunk: memoryview, start: int) -> Page:
    """The page whose header ended at `start`."""
    kind = number(header, 1, I32, "the type of a page")
    if kind not in _INNER:
        raise ThriftError(f"a page is of type {kind}")
    field, encoding_field = _INNER[kind]
    details = inner(header, field, "the header of a page")
    encoding = number(details, encoding_field, I32, "the encoding of a page")
    if encoding not in (_OF_DICTIONARIES if kind == DICTIONARY_PAGE else _OF_DATA):
        raise ThriftError(f"a page is in encoding {encoding}, not plain or by a dictionary")
    size = number(header, 3, I32, "the size of a page")
    body = chunk[start : start + size]
    if len(body) != size:
        raise ThriftError("a page ends beyond its column")
    unpacked = number(header, 2, I32, "the unpacked size of a page")
    num_values = number(details, 1, I32, "the number of values of a page")
    return Page(kind == DICTIONARY_PAGE, body, unpacked, num_values)


def longest_entry(dictionary: memoryview, num_values: int) -> int:
    """Bytes of the longest of the texts of an unpacked dictionary. Raises ThriftError."""
    position = longest = 0
    for _ in range(num_values):
        if position + 4 > len(dictionary):
            raise ThriftError("a dictionary ends early")
        (size,) = struct.unpack_from("<I", dictionary, position)
        longest = max(longest, size)
        position += 4 + size
    if position > len(dictionary):
        raise ThriftError("a dictionary ends early")
    return longest
