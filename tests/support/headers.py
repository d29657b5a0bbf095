"""Safetensors files written by hand, right and wrong, and how a refusal must look."""

import json
import struct
from collections.abc import Callable

import pytest

from jobs.errors import BadInputError
from jobs.kinds.safetensors_header import Tensor, read_header

WHERE = "/store/model/model.safetensors"
DATA = bytes(range(12))
A = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
B = {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]}


def framed(header: bytes, data: bytes = DATA, length: int | None = None) -> bytes:
    """A file of this header, which may say another length than it has."""
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def weights(entries: object, data: bytes = DATA) -> bytes:
    return framed(json.dumps(entries, separators=(",", ":")).encode(), data)


GOOD = weights({"a": A, "b": B})


def read_bytes(data: bytes, max_bytes: int = 2**25) -> list[Tensor]:
    """The tensors of a file that lies in memory; nothing is read that is not there."""

    def ranged(start: int, length: int) -> memoryview:
        assert start >= 0
        assert 0 < length <= len(data) - start
        return memoryview(data)[start : start + length]

    return read_header(ranged, "model.safetensors", WHERE, len(data), max_bytes)


def assert_one_line(error: BadInputError) -> None:
    line = str(error)
    assert line.isprintable(), line
    assert 0 < len(line) < 700, line


def refused(where: str, said: str, call: Callable[[], object]) -> None:
    with pytest.raises(BadInputError) as caught:
        call()
    assert said in str(caught.value)
    assert where in str(caught.value)
    assert_one_line(caught.value)
