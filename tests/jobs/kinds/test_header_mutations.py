"""Random changes of headers and files: an error of one line, or tensors that hold.

What is accepted is checked against the safetensors library, which must read the same tensors,
and by counting that every byte of the data belongs to exactly one of them.
"""

import json
import random
import re
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import safetensors

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.model import INDEX, SINGLE, read_tensors, shard_names
from jobs.kinds.safetensors_header import Tensor
from tests.support.headers import assert_one_line, framed, read_bytes
from tests.support.paths import attempt_in
from tests.support.pico import commit

Mutation: TypeAlias = Callable[[bytes, random.Random], bytes]

FILE_MUTATIONS = 10_000
FOLDER_MUTATIONS = 400

TENSORS: tuple[tuple[str, str, list[int]], ...] = (
    ("embed.weight", "BF16", [6, 4]),
    ("layers.0.norm", "F32", [4]),
    ("layers.0.scale", "F16", []),
    ("empty", "I64", [0, 3]),
    ("layers.0.mask", "BOOL", [3]),
    ("layers.0.packed", "F4", [2, 3]),
)
BYTES = (48, 16, 2, 0, 3, 3)
TOKENS = (
    '"', "{", "}", "[", "]", ",", ":", "null", "true", "NaN", "-Infinity", "1e3", "-0", "0.0", '""',
    '"a":', '"__metadata__":', '"dtype":"F32",', '"shape":[],', '{"a":[]}', '\\', '\\u0000',
    '\\ud800', '"\U0001f600"', "\x00", "\xe9", " ", "\n", "/**/", "'", "[0,0]", "[[[[",
    '{"a":{"a":',
)  # fmt: skip
NUMBERS = (
    "0", "-0", "-1", "1", "2", "7", "8", "16", "48", "4294967296",
    "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616",
    "1e400", "1.0", "00", "0x1", "9" * 400, "9" * 5000,
)  # fmt: skip


def valid_file() -> tuple[bytes, bytes]:
    """Header and data of six tensors of six dtypes."""
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    place = 0
    for (name, dtype, shape), length in zip(TENSORS, BYTES, strict=True):
        offsets = [place, place + length]
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        place += length
    return json.dumps(entries, separators=(",", ":")).encode(), bytes(range(place))


def flip_bit(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut_end(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def cut_out(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randint(1, 12) :]


def insert_bytes(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + rng.randbytes(rng.randint(1, 9)) + data[start:]


def repeat_piece(data: bytes, rng: random.Random) -> bytes:
    start, to = rng.randrange(len(data)), rng.randrange(len(data))
    return data[:to] + data[start : start + rng.randint(1, 60)] + data[to:]


def splice_token(data: bytes, rng: random.Random) -> bytes:
    """A token before, or in place of, one that is there."""
    ends = [match.end() for match in re.finditer(rb'[{}\[\]:,]|"[^"]*"|\d+', data)] or [0]
    start = rng.choice(ends)
    stop = rng.choice([start, *[end for end in ends if end > start][:1]])
    return data[:start] + rng.choice(TOKENS).encode() + data[stop:]


def change_number(data: bytes, rng: random.Random) -> bytes:
    found = list(re.finditer(rb"\d+", data))
    if not found:
        return data
    chosen = rng.choice(found)
    near = str(int(chosen[0][:18]) + rng.choice((-8, -1, 1, 2, 8)))
    new = rng.choice((near, near, rng.choice(NUMBERS)))
    return data[: chosen.start()] + new.encode() + data[chosen.end() :]


def repeat_key(data: bytes, rng: random.Random) -> bytes:
    """A whole member once more: a tensor, or a key of one."""
    members = list(re.finditer(rb'"[^"]*":(\{[^{}]*\}|\[[^\[\]]*\]|"[^"]*"),?', data))
    if not members:
        return data
    member, place = rng.choice(members)[0], rng.choice(members).start()
    return data[:place] + member.rstrip(b",") + b"," + data[place:]


def swap_numbers(data: bytes, rng: random.Random) -> bytes:
    """Exchanges two lists: offsets, shapes, or one of each."""
    found = list(re.finditer(rb"\[[^\[\]]*\]", data))
    if len(found) < 2:
        return data
    one, two = sorted(rng.sample(found, 2), key=lambda match: match.start())
    between = data[one.end() : two.start()]
    return data[: one.start()] + two[0] + between + one[0] + data[two.end() :]


def swap_names(data: bytes, rng: random.Random) -> bytes:
    one, two = (name.encode() for name, _, _ in rng.sample(TENSORS, 2))
    return data.replace(one, b"\0").replace(two, one).replace(b"\0", two)


def nest(data: bytes, rng: random.Random) -> bytes:
    depth, start = rng.choice((3, 900, 1100, 20_000)), rng.randrange(len(data) + 1)
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return data[:start] + opening * depth + closing * rng.choice((0, depth)) + data[start:]


MUTATIONS: tuple[Mutation, ...] = (
    flip_bit, cut_end, cut_out, insert_bytes, repeat_piece, splice_token, change_number,
    change_number, repeat_key, swap_numbers, swap_names, nest,
)  # fmt: skip


def mutated(header: bytes, data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """A file with one to three mutations, of the header (its length mostly right) or the whole."""
    kinds = [rng.choice(MUTATIONS) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    whole = rng.random() < 0.25
    changed = framed(header, data) if whole else header
    for kind in kinds:
        changed = kind(changed or b"{}", rng)
    if not whole:
        changed = framed(changed, data)
    return changed, f"{'file' if whole else 'header'}: {[kind.__name__ for kind in kinds]}"


def assert_sound(tensors: list[Tensor], data: bytes) -> None:
    """Each byte of the data is one tensor's, and the library reads the same ones."""
    (length,) = struct.unpack("<Q", data[:8])
    owners = Counter(place for one in tensors for place in range(one.start, one.start + one.length))
    assert owners == Counter(range(8 + length, len(data)))
    theirs = dict(safetensors.deserialize(data))  # type: ignore[no-untyped-call]
    assert theirs.keys() == {one.name for one in tensors}
    for one in tensors:
        view = theirs[one.name]
        assert (view["dtype"], view["shape"]) == (one.dtype, list(one.shape))
        assert view["data"] == data[one.start : one.start + one.length]


def test_ten_thousand_mutations_of_a_file() -> None:
    header, data = valid_file()
    assert_sound(read_bytes(framed(header, data)), framed(header, data))
    refusals: Counter[str] = Counter()
    accepted = 0
    for seed in range(FILE_MUTATIONS):
        file, how = mutated(header, data, random.Random(seed))
        try:
            tensors = read_bytes(file)
        except BadInputError as error:
            assert_one_line(error)
            refusals[re.sub(r"\'.*?\'|\".*?\"|\[.*\]?|\d+", "", str(error))] += 1
        else:
            accepted += 1
            try:
                assert_sound(tensors, file)
            except safetensors.SafetensorError as error:
                raise AssertionError(f"seed {seed}, {how}: the library says {error}") from error
    # Neither outcome nor any check may be missed by all mutations.
    assert accepted > FILE_MUTATIONS // 50
    assert len(refusals) > 50, refusals


def mutated_model(rng: random.Random) -> dict[str, bytes]:
    """A model of two shards, of which one file is changed, missing, doubled or exchanged."""
    header, data = valid_file()
    one, two = shard_names(2)
    more = {"head": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    weight_map = {**{name: one for name, _, _ in TENSORS}, "head": two}
    files = {
        one: framed(header, data),
        two: framed(json.dumps(more).encode(), bytes(8)),
        INDEX: json.dumps({"metadata": {}, "weight_map": weight_map}).encode(),
    }
    kind = rng.randrange(8)
    victim = rng.choice(sorted(files))
    if kind == 0:
        del files[victim]
    elif kind == 1:
        files[SINGLE] = files[one]
    elif kind == 2:
        files[one], files[two] = files[two], files[one]
    elif kind == 3:
        files[one] = mutated(header, data, rng)[0]
    elif kind == 4:
        files[INDEX] = files[INDEX].replace(two.encode(), rng.choice((b"../a", b"/a", b"", b"x/a")))
    else:
        files[INDEX] = rng.choice(MUTATIONS)(files[INDEX], rng)
    return files


def test_mutations_of_a_models_folder(tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(FOLDER_MUTATIONS):
        rng = random.Random(seed)
        files = mutated_model(rng)
        uri = str(tmp_path / str(seed))
        commit(uri, "model", files)
        if rng.random() < 0.1:  # after the commit
            victim = attempt_in(tmp_path / str(seed)) / rng.choice(sorted(files))
            victim.write_bytes(rng.choice(MUTATIONS)(victim.read_bytes() or b"{}", rng))
        try:
            tensors = read_tensors(Artifact.open(uri))
        except BadInputError as error:
            assert_one_line(error)
            outcomes["refused"] += 1
            continue
        outcomes["read"] += 1
        for file in {tensor.file for tensor in tensors.values()}:
            data = (attempt_in(tmp_path / str(seed)) / file).read_bytes()
            assert_sound([one for one in tensors.values() if one.file == file], data)
        if INDEX in files:
            index = json.loads((attempt_in(tmp_path / str(seed)) / INDEX).read_bytes())
            assert index["weight_map"] == {one.name: one.file for one in tensors.values()}
    assert min(outcomes["read"], outcomes["refused"]) > FOLDER_MUTATIONS // 20
