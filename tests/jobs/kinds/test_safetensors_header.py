"""Reading one safetensors file: what is understood, and what is refused and how."""

import struct
from pathlib import Path
from typing import Any

import pytest
import safetensors

from jobs.kinds.model import SINGLE, read_tensors
from jobs.kinds.safetensors_header import DTYPE_BITS, MAX_HEADER_BYTES, read_header
from tests.support.headers import DATA, GOOD, A, B, framed, refused, weights
from tests.support.paths import attempt_in
from tests.support.pico import commit


def a_with(**changes: Any) -> bytes:
    """Two tensors, of which the first is described otherwise; None leaves a key out."""
    entry = {key: value for key, value in {**A, **changes}.items() if value is not None}
    return weights({"a": entry, "b": B})


def raw(entry: str) -> bytes:
    """One tensor, its entry written by hand."""
    return framed(f'{{"a":{entry}}}'.encode())


LYING_FILES: dict[str, tuple[bytes, str]] = {
    # the length
    "empty file": (b"", "is no safetensors file: 0 bytes"),
    "seven bytes": (GOOD[:7], "is no safetensors file: 7 bytes"),
    "length alone": (GOOD[:8], "a header of 108 bytes in a file of 8"),
    "length of all ones": (b"\xff" * 8 + GOOD[8:], "a header of 18446744073709551615 bytes"),
    "length beyond the file": (framed(b"{}", b"", length=3), "a header of 3 bytes in a file of 10"),
    "length of nothing": (framed(b"", b""), "a header of 0 bytes in a file of 8"),
    "length one short": (framed(GOOD[8:-12], length=107), "is not JSON"),
    "cut within the header": (GOOD[:60], "a header of 108 bytes in a file of 60"),
    "cut within the data": (GOOD[:-4], "has 124 bytes, its header says 128"),
    "bytes after the data": (GOOD + b"\0", "has 129 bytes, its header says 128"),
    "no tensors, some data": (framed(b"{}"), "has 22 bytes, its header says 10"),
    # the text
    "a pickle": (b"\x80\x04\x95" + GOOD[3:], "is no safetensors file: a header of"),
    "space first": (framed(b" {}", b""), "its header starts with b' {}', expected {"),
    "a list": (framed(b"[]", b""), "its header starts with b'[]'"),
    "byte order mark": (framed(b"\xef\xbb\xbf{}", b""), "its header starts with"),
    "UTF-16": (framed('{"a":1}'.encode("utf-16-le")), "is not JSON"),
    "bad UTF-8": (framed(b'{"\xff":1}'), "is not JSON: the byte 0xff at 2 is not UTF-8"),
    "surrogate in UTF-8": (framed(b'{"\xed\xa0\x80":1}'), "is not JSON: the byte 0xed at 2"),
    "two objects": (framed(b"{}{}", b""), "is not JSON: more follows after its end"),
    "padded by zeros": (framed(b"{}\0\0", b""), "is not JSON: more follows after its end"),
    "trailing comma": (framed(b'{"a":1,}', b""), "is not JSON: "),
    "line break in a name": (framed(b'{"a\n":1}', b""), "a text holds a control character"),
    "deep nesting": (raw("[" * 5000 + "]" * 5000), "it nests too deep"),
    "deep objects": (raw('{"a":' * 5000 + "1" + "}" * 5000), "it nests too deep"),
    "NaN": (raw('{"shape":[NaN]}'), "is not JSON: NaN is no value"),
    "infinity": (raw("-Infinity"), "is not JSON: -Infinity is no value"),
    "5000 digits": (raw("9" * 5000), "is no integer that can be read exactly"),
    "41 digits": (raw("1" + "0" * 40), "1" + "0" * 40 + " is no integer"),
    "minus zero": (raw('{"shape":[-0]}'), "-0 is no integer"),
    # keys
    "a tensor twice": (framed(b'{"a":1,"a":2}'), "the key 'a' stands twice"),
    "a tensor twice, escaped": (framed(b'{"a":1,"\\u0061":2}'), "the key 'a' stands twice"),
    "a dtype twice": (raw('{"dtype":"F32","dtype":"F16"}'), "the key 'dtype' stands twice"),
    "metadata twice": (
        framed(b'{"__metadata__":{},"__metadata__":{}}'),
        "the key '__metadata__' stands twice",
    ),
    "no dtype": (a_with(dtype=None), "tensor 'a' lacks 'dtype'"),
    "no shape": (a_with(shape=None), "tensor 'a' lacks 'shape'"),
    "no offsets": (a_with(data_offsets=None), "tensor 'a' lacks 'data_offsets'"),
    "unknown key": (a_with(strides=[1]), "tensor 'a' has an unknown 'strides'"),
    "a list for a tensor": (weights({"a": [1]}), "tensor 'a' is a list of 1, expected an object"),
    "null for a tensor": (weights({"a": None}), "tensor 'a' is None, expected an object"),
    # names
    "empty name": (weights({"": A}), "'' cannot be the name"),
    "control character in a name": (weights({"a\n": A}), r"'a\n' cannot be the name"),
    "lone surrogate in a name": (weights({"\ud800": A}), "half a character"),
    "invisible name": (weights({"\u200b": A}), r"'\u200b' cannot be the name"),
    # metadata
    "metadata is a list": (weights({"__metadata__": []}), "__metadata__ is a list of 0"),
    "metadata is null": (weights({"__metadata__": None}), "__metadata__ is None"),
    "metadata of numbers": (weights({"__metadata__": {"a": 1}}), "__metadata__ 'a' is 1, expected"),
    "metadata is a tensor": (weights({"__metadata__": A}), "__metadata__ 'shape' is a list of 1"),
    "metadata no UTF-8": (weights({"__metadata__": {"a": "\udc00"}}), "half a character"),
    # dtypes
    "unknown dtype": (a_with(dtype="X32"), "tensor 'a' has the unknown dtype 'X32'; known: F4 "),
    "dtype in small letters": (a_with(dtype="f32"), "has the unknown dtype 'f32'"),
    "dtype is a number": (a_with(dtype=32), "has the unknown dtype 32"),
    "dtype is a list": (a_with(dtype=["F32"]), "has the unknown dtype a list of 1"),
    "another dtype": (a_with(dtype="F16"), "tensor 'a', F16 [2], has 32 bits; its data_offsets [0"),
    "half a byte": (a_with(dtype="F4", shape=[17]), "tensor 'a', F4 [17], has 68 bits"),
    # shapes
    "another shape": (a_with(shape=[3]), "tensor 'a', F32 [3], has 96 bits; its data_offsets"),
    "negative size": (a_with(shape=[-2]), "has the shape [-2], expected"),
    "two negative sizes": (a_with(shape=[-1, -2]), "has the shape [-1, -2], expected"),
    "size is a float": (a_with(shape=[2.0]), "has the shape [2.0], expected"),
    "size is true": (a_with(shape=[2, True]), "has the shape [2, True], expected"),
    "size is a string": (a_with(shape=["2"]), "has the shape ['2'], expected"),
    "shape is a number": (a_with(shape=2), "has the shape 2, expected"),
    "shape is an object": (a_with(shape={"2": 2}), "has the shape an object of 1, expected"),
    "shape beyond 64 bits": (a_with(shape=[2**32, 2**32]), "is beyond 64 bits"),
    "shape wraps to what fits": (a_with(shape=[2**62 + 2]), "is beyond 64 bits"),
    "shape wraps to nothing": (a_with(shape=[2**32, 2**32, 0]), "is beyond 64 bits"),
    "shape beyond 63 bits, of nothing": (a_with(shape=[0, 2**63]), "has the shape [0, 9223372"),
    "65 dimensions": (a_with(shape=[1] * 64 + [2]), "expected up to 64 sizes"),
    # offsets
    "one offset": (a_with(data_offsets=[8]), "has data_offsets [8], expected [begin, end]"),
    "three offsets": (a_with(data_offsets=[0, 4, 8]), "has data_offsets [0, 4, 8]"),
    "offsets backwards": (a_with(data_offsets=[8, 0]), "has data_offsets [8, 0]"),
    "negative offset": (a_with(data_offsets=[-8, 0]), "has data_offsets [-8, 0]"),
    "float offsets": (a_with(data_offsets=[0.0, 8.0]), "has data_offsets [0.0, 8.0]"),
    "offset is false": (a_with(data_offsets=[False, 8]), "has data_offsets [False, 8]"),
    "offsets are a string": (a_with(data_offsets="08"), "has data_offsets '08'"),
    "offsets out of range": (
        weights({"a": A, "b": {**B, "data_offsets": [2**62, 2**62 + 4]}}),
        "tensor 'b' at 4611686018427387904 leaves a hole",
    ),
    "overlap": (
        weights({"a": A, "b": {**B, "data_offsets": [4, 8]}}, DATA[:8]),
        "tensor 'b' at 4 overlaps another",
    ),
    "the same place": (
        weights({"a": A, "b": A}, DATA[:8]),
        "tensor 'b' at 0 overlaps another",
    ),
    "empty within another": (
        weights({"a": A, "b": {**B, "shape": [0], "data_offsets": [4, 4]}}, DATA[:8]),
        "tensor 'b' at 4 overlaps another",
    ),
    "hole at the start": (weights({"b": B}), "tensor 'b' at 8 leaves a hole before it"),
    "hole between": (
        weights({"a": A, "b": {**B, "data_offsets": [12, 16]}}, bytes(16)),
        "tensor 'b' at 12 leaves a hole before it",
    ),
    "hole at the end": (weights({"a": A}), "its header says"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "said"), LYING_FILES.values(), ids=LYING_FILES.keys())
def test_files_that_lie_are_refused(tmp_path: Path, data: bytes, said: str) -> None:
    model = commit(str(tmp_path), "model", {SINGLE: data})
    refused(where=str(tmp_path), said=said, call=lambda: read_tensors(model))


def test_names_of_any_length_stay_readable(tmp_path: Path) -> None:
    long = "layer." * 10**5
    model = commit(str(tmp_path), "model", {SINGLE: weights({long: {**A, "dtype": long}})})
    refused(str(tmp_path), "has the unknown dtype 'layer.", lambda: read_tensors(model))


def test_a_file_that_shrank_after_its_commit_is_refused(tmp_path: Path) -> None:
    model = commit(str(tmp_path), "model", {SINGLE: GOOD})
    (attempt_in(tmp_path) / SINGLE).write_bytes(GOOD[:40])
    refused(str(tmp_path), "is truncated: expected at least 116", lambda: read_tensors(model))


def test_a_read_that_gives_less_is_refused() -> None:
    def read(start: int, length: int) -> bytes:
        return GOOD[:40][start : start + length]

    refused(
        "/m", "ends early: 32 of 108 bytes at 8", lambda: read_header(read, "m", "/m", 128, 2**24)
    )


def test_headers_beyond_the_formats_bound_are_refused_unread(tmp_path: Path) -> None:
    length = MAX_HEADER_BYTES + 1
    model = commit(str(tmp_path), "model", {SINGLE: struct.pack("<Q", length) + bytes(length)})
    refused(str(tmp_path), "a header of 100000001 bytes", lambda: read_tensors(model, 2**40))


GOOD_FILES: dict[str, tuple[bytes, list[tuple[object, ...]]]] = {
    "two": (GOOD, [("a", "F32", (2,), DATA[:8]), ("b", "F32", (1,), DATA[8:])]),
    "in any order, padded, with metadata": (
        framed(
            b'{"z":{"data_offsets":[4,8],"shape":[],"dtype":"I32"},"__metadata__":{"format":"pt"},'
            b'"y":{"shape":[1,2],"data_offsets":[0,4],"dtype":"BF16"}}   ',
            DATA[:8],
        ),
        [("y", "BF16", (1, 2), DATA[:4]), ("z", "I32", (), DATA[4:8])],
    ),
    "nothing in it": (
        weights({"a": A, "b": {**B, "shape": [0, 5], "data_offsets": [0, 0]}}, DATA[:8]),
        [("b", "F32", (0, 5), b""), ("a", "F32", (2,), DATA[:8])],
    ),
    "six bits": (
        weights({"a": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}}, DATA[:3]),
        [("a", "F6_E2M3", (4,), DATA[:3])],
    ),
    "a name in Greek": (
        framed('{"θ":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'.encode(), b"1"),
        [("θ", "U8", (1,), b"1")],
    ),
}


@pytest.mark.parametrize(("data", "expected"), GOOD_FILES.values(), ids=GOOD_FILES.keys())
def test_what_the_format_allows_is_read(
    tmp_path: Path, data: bytes, expected: list[tuple[object, ...]]
) -> None:
    found = read_tensors(commit(str(tmp_path), "model", {SINGLE: data}))
    assert [
        (name, one.dtype, one.shape, data[one.start : one.start + one.length])
        for name, one in found.items()
    ] == expected
    assert all(one.name == name and one.file == SINGLE for name, one in found.items())
    assert names_by_the_library(data) == sorted(found)


@pytest.mark.parametrize(("dtype", "bits"), DTYPE_BITS.items())
def test_every_dtype_has_the_width_that_the_library_gives_it(dtype: str, bits: int) -> None:
    entry = {"dtype": dtype, "shape": [8], "data_offsets": [0, bits]}
    assert names_by_the_library(weights({"a": entry}, bytes(bits))) == ["a"]


def names_by_the_library(data: bytes) -> list[str]:
    theirs = safetensors.deserialize(data)  # type: ignore[no-untyped-call]
    return sorted(name for name, _ in theirs)
