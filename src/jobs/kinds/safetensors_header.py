"""The header of a safetensors file: where each tensor lies, believed only if all of it fits.

Format: https://huggingface.co/docs/safetensors. An 8-byte little-endian length, a JSON object of
that length which starts with ``{``, then the bytes of all tensors without gaps. The object maps
each tensor's name to its dtype, shape and data_offsets (begin included, end excluded, counted
from the end of the header), and may hold ``__metadata__``, strings by string.

Everything is refused that readers could understand in two ways: a key given twice or unknown,
numbers that are no plain integers, tensors that overlap, holes, bytes that belong to no tensor,
names that cannot be printed. Pure: bytes come from a function, so that a store, a file or a test
can give them.
"""

import json
import math
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from jobs.errors import BadInputError
from jobs.strict_json import check_memory, parse
from jobs.words import shortened, shown

LENGTH_BYTES = 8
MAX_HEADER_BYTES = 100 * 10**6  # the format's own bound
MAX_DIMENSIONS = 64  # of numpy and torch
MAX_SIZE = 2**63 - 1  # of numpy and torch
METADATA = "__metadata__"
ENTRY_KEYS = ("data_offsets", "dtype", "shape")

DTYPE_BITS = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "BOOL": 8, "U8": 8, "I8": 8,
    "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
"""Every dtype of the format (safetensors 0.8), and the bits of one element."""
DTYPE_BYTES = {dtype: bits // 8 for dtype, bits in DTYPE_BITS.items() if bits % 8 == 0}


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where one tensor lies: file, first byte within the file, and its type and shape."""

    name: str
    file: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    length: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


def read_header(
    read: Callable[[int, int], bytes | memoryview],
    file: str,
    where: str,
    file_size: int,
    max_bytes: int,
) -> list[Tensor]:
    """The tensors of one file in order of place; `read` gives bytes by start and length.

    Takes at most `max_bytes` of memory. Raises BadInputError, which names the file by `where`.
    """
    if file_size < LENGTH_BYTES:
        raise BadInputError(f"{where} is no safetensors file: {file_size} bytes")
    (length,) = struct.unpack("<Q", _read_all(read, 0, LENGTH_BYTES, where))
    if not len("{}") <= length <= min(MAX_HEADER_BYTES, file_size - LENGTH_BYTES):
        raise BadInputError(
            f"{where} is no safetensors file: a header of {length} bytes in a file of {file_size}, "
            f"at most {MAX_HEADER_BYTES}"
        )
    check_memory(f"the header of {where}", max_bytes, length)
    data = _read_all(read, LENGTH_BYTES, length, where)
    return parse_header(data, file, where, file_size, max_bytes)


def parse_header(
    data: bytes, file: str, where: str, file_size: int, max_bytes: int
) -> list[Tensor]:
    """The tensors that a header's JSON describes, in order of place. Raises BadInputError."""
    if not data.startswith(b"{"):
        raise BadInputError(
            f"{where} is no safetensors file: its header starts with {shown(data[:8])}, expected {{"
        )
    header = parse(data, f"the header of {where}", max_bytes)
    try:
        _check_metadata(header.pop(METADATA, {}))
        data_start = LENGTH_BYTES + len(data)
        tensors = [_tensor(name, entry, file, data_start) for name, entry in header.items()]
        tensors.sort(key=lambda tensor: (tensor.start, tensor.length, tensor.name))
        end = _check_no_gaps(tensors, data_start)
    except ValueError as error:
        raise BadInputError(f"{where} has a wrong safetensors header: {error}") from error
    if end != file_size:
        raise BadInputError(f"{where} has {file_size} bytes, its header says {end}")
    return tensors


def header_bytes(tensors: Iterable[Tensor]) -> bytes:
    """The header of a file that holds the bytes of these tensors, one behind the other.

    Their own places do not matter. It ends at a multiple of 8 bytes, as the format asks.
    """
    entries: dict[str, object] = {METADATA: {"format": "pt"}}
    offset = 0
    for tensor in tensors:
        entries[tensor.name] = {
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + tensor.length],
        }
        offset += tensor.length
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def held_bytes(tensors: Iterable[Tensor]) -> int:
    """The most bytes of memory that these take, in a dictionary by name."""
    return sum(512 + 4 * len(tensor.name) + 44 * len(tensor.shape) for tensor in tensors)


def _read_all(
    read: Callable[[int, int], bytes | memoryview], start: int, length: int, where: str
) -> bytes:
    data = bytes(read(start, length))
    if len(data) != length:
        raise BadInputError(f"{where} ends early: {len(data)} of {length} bytes at {start}")
    return data


def _check_metadata(metadata: Any) -> None:
    if type(metadata) is not dict:
        raise ValueError(f"{METADATA} is {shown(metadata)}, expected strings by string")
    for key, value in metadata.items():
        if type(value) is not str:
            raise ValueError(f"{METADATA} {shown(key)} is {shown(value)}, expected a string")
        for text in (key, value):
            text.encode()  # a lone surrogate raises a ValueError


def _tensor(name: str, entry: Any, file: str, data_start: int) -> Tensor:
    if not name or not name.isprintable():
        raise ValueError(f"{shown(name)} cannot be the name of a tensor: empty or not printable")
    if type(entry) is not dict:
        raise ValueError(f"tensor {shown(name)} is {shown(entry)}, expected an object")
    if wrong := sorted(entry.keys() ^ set(ENTRY_KEYS)):
        said = "lacks" if wrong[0] in ENTRY_KEYS else "has an unknown"
        raise ValueError(f"tensor {shown(name)} {said} {shown(wrong[0])}; expected {ENTRY_KEYS}")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if type(dtype) is not str or dtype not in DTYPE_BITS:
        raise ValueError(
            f"tensor {shown(name)} has the unknown dtype {shown(dtype)}; "
            f"known: {' '.join(DTYPE_BITS)}"
        )
    if not _are_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ValueError(
            f"tensor {shown(name)} has data_offsets {_listed(offsets)}, expected [begin, end]"
        )
    if not _are_sizes(shape) or len(shape) > MAX_DIMENSIONS:
        raise ValueError(
            f"tensor {shown(name)} has the shape {_listed(shape)}, expected up to "
            f"{MAX_DIMENSIONS} sizes"
        )
    begin, end = offsets
    bits = _bits(name, dtype, shape)
    if 8 * (end - begin) != bits:
        raise ValueError(
            f"tensor {shown(name)}, {dtype} {_listed(shape)}, has {bits} bits; "
            f"its data_offsets {_listed(offsets)} hold {8 * (end - begin)}"
        )
    return Tensor(name, file, dtype, tuple(shape), data_start + begin, end - begin)


def _bits(name: str, dtype: str, shape: list[int]) -> int:
    """Bits of all elements, refused where a reader that counts in 64 bits would overflow."""
    bits = DTYPE_BITS[dtype]
    for size in shape:
        bits *= size
        if bits >= 2**64:
            raise ValueError(f"tensor {shown(name)} of shape {_listed(shape)} is beyond 64 bits")
    return bits


def _are_sizes(values: Any) -> bool:
    """Whether it is a list of integers from 0 to MAX_SIZE; True and 1.0 are no integers."""
    return type(values) is list and all(
        type(value) is int and 0 <= value <= MAX_SIZE for value in values
    )


def _listed(values: Any) -> str:
    """A list of scalars as it stands, anything else by its kind."""
    if type(values) is not list:
        return shown(values)
    return shortened(f"[{', '.join(shown(value) for value in values[: MAX_DIMENSIONS + 1])}]")


def _check_no_gaps(tensors: list[Tensor], data_start: int) -> int:
    """Where the last tensor ends; each must begin where the one before it ends."""
    offset = data_start
    for tensor in tensors:
        if tensor.start != offset:
            what = "overlaps another" if tensor.start < offset else "leaves a hole before it"
            raise ValueError(f"tensor {shown(tensor.name)} at {tensor.start - data_start} {what}")
        offset += tensor.length
    return offset
