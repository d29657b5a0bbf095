"""What unpacking a column chunk of a Parquet file takes, told before anything is unpacked. Pure.

A footer says how large its columns are, but readers go by the pages, whose headers lie among the
data: one that claims two gigabytes is given them, and a few bytes stand for any number of equal
values. So the headers are walked first (Thrift structs in its compact protocol, as in
parquet-format's ``parquet.thrift``), and what could repeat without a bound is refused: encodings
other than plain values and dictionaries, and a field that stands twice, as readers may differ in
which they take.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 = 0, 2, 3
PLAIN, PLAIN_DICTIONARY, RLE, RLE_DICTIONARY = 0, 2, 3, 8
DICTIONARY_INDICES = (PLAIN_DICTIONARY, RLE_DICTIONARY)

# The field of a page header that holds the rest, by the page's type; therein, the encoding's.
_INNER = {DATA_PAGE: (5, 2), DICTIONARY_PAGE: (7, 2), DATA_PAGE_V2: (8, 4)}
_ENCODINGS = {
    DATA_PAGE: {PLAIN, RLE, *DICTIONARY_INDICES},
    DATA_PAGE_V2: {PLAIN, RLE, *DICTIONARY_INDICES},
    DICTIONARY_PAGE: {PLAIN, PLAIN_DICTIONARY},
}
_I32, _STRUCT = 5, 12
_MAX_DEPTH = 8


class PageError(ValueError):
    """The pages are not what they may be; the text says how."""


@dataclass(frozen=True)
class Page:
    """One page: its body as it lies in the chunk, and what it becomes."""

    kind: int
    body: memoryview
    unpacked_bytes: int
    num_values: int
    encoding: int


def pages(chunk: memoryview, num_values: int) -> Iterator[Page]:
    """The pages up to that which completes `num_values`, where every reader stops.

    Raises PageError.
    """
    position = seen = 0
    while seen < num_values:
        header = _Compact(chunk, position)
        page = _page(header.struct(), chunk, header)
        position = header.position + len(page.body)
        if page.kind != DICTIONARY_PAGE:
            seen += page.num_values
        elif seen or page.num_values * 4 > page.unpacked_bytes:  # a value takes four bytes or more
            raise PageError("its dictionary is misplaced or claims more values than it has")
        yield page
    if seen != num_values:
        raise PageError(f"its pages hold {seen} values, its footer says {num_values}")


def _page(fields: dict[int, object], chunk: memoryview, header: "_Compact") -> Page:
    kind, unpacked, packed = (_number(fields, name) for name in (1, 2, 3))
    if kind not in _INNER:
        raise PageError(f"a page is of type {kind}")
    inner, encoding_field = _INNER[kind]
    details = fields.get(inner)
    if not isinstance(details, dict):
        raise PageError("a page header is incomplete")
    num_values, encoding = _number(details, 1), _number(details, encoding_field)
    if encoding not in _ENCODINGS[kind]:
        raise PageError(f"a page is in encoding {encoding}; read are plain and dictionary ones")
    body = chunk[header.position : header.position + packed]
    if len(body) != packed:
        raise PageError("a page ends beyond its column")
    return Page(kind, body, unpacked, num_values, encoding)


def _number(fields: dict[int, object], name: int) -> int:
    found = fields.get(name)
    if not isinstance(found, int) or found < 0:
        raise PageError(f"field {name} of a page header is missing or negative")
    return found


def longest_entry(dictionary: memoryview, num_values: int) -> int:
    """Bytes of the longest of the plain byte arrays of an unpacked dictionary. Raises PageError."""
    position = longest = 0
    for _ in range(num_values):
        if position + 4 > len(dictionary):
            raise PageError("its dictionary ends early")
        (size,) = struct.unpack_from("<I", dictionary, position)
        longest = max(longest, size)
        position += 4 + size
    if position > len(dictionary):
        raise PageError("its dictionary ends early")
    return longest


class _Compact:
    """A reader of Thrift's compact protocol: 32-bit numbers and structs by field; others skipped.

    A field that stands twice is refused, as readers differ in which they take.
    """

    def __init__(self, data: memoryview, position: int) -> None:
        self._data, self.position = data, position

    def struct(self, depth: int = 0) -> dict[int, object]:
        if depth > _MAX_DEPTH:
            raise PageError("a page header nests too deep")
        found: dict[int, object] = {}
        last = 0
        while head := self._byte():
            delta, kind = head >> 4, head & 15
            last = last + delta if delta else self._signed()
            if not 0 < last < 2**15 or last in found:
                raise PageError(f"field {last} of a page header stands twice or cannot be")
            found[last] = self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> object:
        if kind == _I32:
            return self._signed()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        self._skip(kind, depth)
        return None

    def _skip(self, kind: int, depth: int, *, element: bool = False) -> None:
        if kind in (1, 2):  # a field's boolean is its type, an element's a byte
            self._advance(int(element))
        elif kind == 3:
            self._advance(1)
        elif kind in (4, _I32, 6):
            self._varint(10)
        elif kind == 7:
            self._advance(8)
        elif kind == 8:
            self._advance(self._varint(5))
        elif kind in (9, 10):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._varint(5)
            if depth > _MAX_DEPTH:
                raise PageError("a page header nests too deep")
            for _ in range(count):
                self._skip(head & 15, depth + 1, element=True)
        elif kind == _STRUCT:
            self.struct(depth + 1)
        else:
            raise PageError(f"a page header has a field of type {kind}")

    def _advance(self, count: int) -> None:
        self.position += count
        if self.position > len(self._data):
            raise PageError("a page header ends early")

    def _byte(self) -> int:
        self._advance(1)
        return self._data[self.position - 1]

    def _varint(self, most_bytes: int) -> int:
        value = 0
        for shift in range(0, 7 * most_bytes, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise PageError("a page header has a number without end")

    def _signed(self) -> int:
        value = self._varint(5)
        if value >= 2**32:
            raise PageError("a page header has a number of more than 32 bits")
        return (value >> 1) ^ -(value & 1)
