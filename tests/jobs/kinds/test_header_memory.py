"""Huge headers, made to take as much memory as they can: bounded, whatever they hold."""

import json
import tracemalloc
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import pytest

from jobs.errors import BadInputError
from jobs.kinds.model import INDEX, MIN_BYTES, read_tensors
from jobs.strict_json import memory_needed
from tests.support.headers import assert_one_line, framed, read_bytes
from tests.support.pico import commit

MAX_BYTES = 2**25


def entry(number: int) -> str:
    offsets = f"[{number},{number + 1}]"
    return f'"layers.{number}.weight":{{"dtype":"U8","shape":[1,1],"data_offsets":{offsets}}}'


HUGE: dict[str, tuple[str, Callable[[int], str], str]] = {
    # opening, what is repeated with commas between, closing
    "lists": ('{"a":[', lambda _: "[]", "]}"),
    "objects": ('{"a":[', lambda _: "{}", "]}"),
    "objects of one": ('{"a":[', lambda n: f'{{"k{n}":{n}}}', "]}"),
    "keys": ("{", lambda n: f'"{n:x}":1', "}"),
    "keys and strings": ("{", lambda n: f'"{n:x}":"{n:x}"', "}"),
    "wide keys and strings": ("{", lambda n: f'"{n:x}\U0001f600":"\U0001f600{n:x}"', "}"),
    "keys and objects": ("{", lambda n: f'"{n:x}":{{"a":{n}}}', "}"),
    "tensors": ("{", entry, "}"),
    "metadata": ('{"__metadata__":{', lambda n: f'"{n:x}":"\U0001f600{n:x}"', "}}"),
    "one key, many times": ("{", lambda _: '"a":1', "}"),
    "numbers": ('{"a":[', lambda n: str(10**15 + n), "]}"),
    "dimensions": ('{"a":{"dtype":"U8","data_offsets":[0,0],"shape":[', lambda _: "0", "]}}"),
}
HUGE_TEXTS: dict[str, tuple[str, str, str]] = {
    # opening, what is repeated without commas, closing
    "a wide name": ('{"', "a", '\U0001f600":1}'),
    "a name with escapes": ('{"', "a" * 99 + r"\n", '\U0001f600":1}'),
    "a wide escape": ('{"', "a", r'\ud83d\ude00":1}'),
    "a name beyond the BMP": ('{"', "\U0001f600", '":1}'),
    "wide metadata": ('{"__metadata__":{"a":"', "a", '\U0001f600"}, "b":1}'),
    "blanks": ("{", " ", "]"),
    "a dtype": ('{"a":{"shape":[],"data_offsets":[0,0],"dtype":"', "x", '"}}'),
    "digits": ('{"a":', "9", "}"),
    "deep lists": ('{"a":', "[", ""),
    "deep objects": ("", '{"a":', ""),
}


def huge(kind: str, size: int) -> bytes:
    """About `size` bytes of header."""
    if kind in HUGE_TEXTS:
        opening, repeated, closing = HUGE_TEXTS[kind]
        return f"{opening}{repeated * (size // len(repeated.encode()))}{closing}".encode()
    opening, member, closing = HUGE[kind]
    count = size // (len(member(10**5).encode()) + 1)
    first = [member(number) for number in range(min(count, 250_000))]  # more than can be parsed
    return f"{opening}{','.join(islice(cycle(first), count))}{closing}".encode()


def needed(header: bytes) -> int:
    return memory_needed(len(header), sum(header.count(mark) for mark in (b",", b"[", b"{")))


@pytest.mark.parametrize("kind", [*HUGE, *HUGE_TEXTS])
@pytest.mark.parametrize("fits", [True, False], ids=["largest that fits", "30 MB"])
def test_reading_a_huge_header_takes_bounded_memory(kind: str, fits: bool) -> None:
    header = huge(kind, 10**5 if fits else 30 * 10**6)
    if fits:
        header = huge(kind, int(len(header) * 0.97 * MAX_BYTES / needed(header)))
        assert 0.7 * MAX_BYTES < needed(header) <= MAX_BYTES
    file = framed(header, bytes(3))
    tracemalloc.start()
    try:
        with pytest.raises(BadInputError) as caught:
            read_bytes(file, MAX_BYTES)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert_one_line(caught.value)
    assert ("--max-bytes" in str(caught.value)) != fits
    assert peak_bytes < MAX_BYTES


def test_reading_many_shards_takes_bounded_memory(tmp_path: Path) -> None:
    """Each header is small; all of them together are not."""
    names = [f"model-{number}.safetensors" for number in range(20)]
    files: dict[str, bytes] = {}
    weight_map: dict[str, str] = {}
    for shard, name in enumerate(names):
        keys = [f"s{shard}.{number}" for number in range(1000)]
        empty = {"dtype": "F32", "shape": [0, 70_000], "data_offsets": [0, 0]}
        files[name] = framed(json.dumps(dict.fromkeys(keys, empty)).encode(), b"")
        weight_map |= dict.fromkeys(keys, name)
    files[INDEX] = json.dumps({"weight_map": weight_map}).encode()
    model = commit(str(tmp_path), "model", files)
    limits = {MIN_BYTES: False, 2**25: True}
    for max_bytes, fits in limits.items():
        tracemalloc.start()
        try:
            if fits:
                assert len(read_tensors(model, max_bytes)) == 20_000
            else:
                with pytest.raises(BadInputError, match="raise --max-bytes"):
                    read_tensors(model, max_bytes)
            assert tracemalloc.get_traced_memory()[1] < max_bytes
        finally:
            tracemalloc.stop()
