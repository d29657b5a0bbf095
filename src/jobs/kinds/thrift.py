"""A reader of Thrift's compact protocol, in which Parquet writes its footer and page headers. Pure.

A struct becomes a dict from (field, type) to value. Readers differ in what they make of a field
that stands twice or has another type than expected: the first is refused, and whoever asks for
a field names its type.
"""

from typing import TypeAlias

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
MAX_DEPTH = 16

Value: TypeAlias = "bool | int | memoryview | tuple[int, list[Value]] | Struct | None"
"""A list is its elements' type and they; a double is None, as nobody asks for one."""
Struct: TypeAlias = dict[tuple[int, int], Value]


class ThriftError(ValueError):
    """The bytes are not what they may be; the text says how."""


class Reader:
    """Reads one struct after the other from `position` on. Memory: about 100 times what is read."""

    def __init__(self, data: memoryview, position: int = 0) -> None:
        self._data, self.position = data, position

    def struct(self, depth: int = 0) -> Struct:
        if depth > MAX_DEPTH:
            raise ThriftError("its Thrift nests too deep")
        found: Struct = {}
        seen: set[int] = set()
        last = 0
        while head := self._byte():
            delta, kind = head >> 4, head & 15
            last = last + delta if delta else self._signed(3)
            if not 0 < last < 2**15 or last in seen:
                raise ThriftError(f"field {last} of its Thrift stands twice or cannot be")
            seen.add(last)
            found[last, kind] = kind == TRUE if kind in (TRUE, FALSE) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Value:
        if kind in (TRUE, FALSE, BYTE):  # a boolean that is an element is a byte
            return self._byte()
        if kind in (I16, I32, I64):
            return self._signed({I16: 3, I32: 5, I64: 10}[kind])
        if kind == DOUBLE:
            self._take(8)
            return None
        if kind == BINARY:
            return self._take(self._varint(5))
        if kind == LIST:
            return self._list(depth + 1)
        if kind == STRUCT:
            return self.struct(depth + 1)
        raise ThriftError(f"its Thrift has a field of type {kind}")

    def _list(self, depth: int) -> tuple[int, list[Value]]:
        if depth > MAX_DEPTH:
            raise ThriftError("its Thrift nests too deep")
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint(5)
        return head & 15, [self._value(head & 15, depth) for _ in range(count)]

    def _take(self, count: int) -> memoryview:
        self.position += count
        if self.position > len(self._data):
            raise ThriftError("its Thrift ends early")
        return self._data[self.position - count : self.position]

    def _byte(self) -> int:
        return self._take(1)[0]

    def _varint(self, most_bytes: int) -> int:
        value = 0
        for shift in range(0, 7 * most_bytes, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ThriftError("its Thrift has a number without end")

    def _signed(self, most_bytes: int) -> int:
        """A number of at most 7 × `most_bytes` bits; refused unless it fits the type's bytes."""
        value = self._varint(most_bytes)
        if value >= 2 ** {3: 16, 5: 32, 10: 64}[most_bytes]:
            raise ThriftError("its Thrift has a number that is too large for its type")
        return (value >> 1) ^ -(value & 1)


def number(struct: Struct, field: int, kind: int, what: str) -> int:
    """A number that must be there, and not negative."""
    found = struct.get((field, kind))
    if not isinstance(found, int) or found < 0:
        raise ThriftError(f"{what} is missing or negative")
    return found


def inner(struct: Struct, field: int, what: str) -> Struct:
    """A struct that must be there."""
    found = struct.get((field, STRUCT))
    if not isinstance(found, dict):
        raise ThriftError(f"{what} is missing")
    return found


def structs(struct: Struct, field: int, what: str) -> list[Struct]:
    """A list of structs that must be there."""
    elements = _elements(struct, field, STRUCT, what)
    return [element for element in elements if isinstance(element, dict)]


def numbers(struct: Struct, field: int, what: str) -> list[int]:
    """A list of 32-bit numbers that must be there."""
    elements = _elements(struct, field, I32, what)
    return [element for element in elements if isinstance(element, int)]


def _elements(struct: Struct, field: int, kind: int, what: str) -> list[Value]:
    found = struct.get((field, LIST))
    if not isinstance(found, tuple) or (found[0] != kind and found[1]):
        raise ThriftError(f"{what} is missing or no list of its type")
    return found[1]
