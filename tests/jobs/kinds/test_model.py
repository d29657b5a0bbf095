"""Reading a model of one file or many: what its index may say, and what is refused and how."""

import json
from pathlib import Path

import pytest

from jobs.kinds.model import INDEX, SINGLE, index_json, read_tensors, shard_names, weight_files
from tests.support.headers import DATA, GOOD, A, B, framed, refused, weights
from tests.support.paths import attempt_in
from tests.support.pico import commit

ONE, TWO = shard_names(2)
HALF_A = weights({"a": A}, DATA[:8])
HALF_B = weights({"b": {**B, "data_offsets": [0, 4]}}, DATA[:4])


def index(weight_map: object, **others: object) -> bytes:
    return json.dumps({"metadata": {}, "weight_map": weight_map, **others}).encode()


SHARDS = {ONE: HALF_A, TWO: HALF_B}
WHOLE = {"a": ONE, "b": TWO}

LYING_MODELS: dict[str, tuple[dict[str, bytes], str]] = {
    "nothing": ({}, "has neither model.safetensors nor model.safetensors.index.json; only"),
    "a pickle": (
        {"pytorch_model.bin": b"\x80"},
        "only 'pytorch_model.bin', a pickle, which could run code; convert it to safetensors",
    ),
    "a checkpoint": ({"model.ckpt": b"\x80"}, "only 'model.ckpt', a pickle"),
    "original weights": ({"original/consolidated.00.pth": b"\x80"}, "consolidated.00.pth', a pick"),
    "shards without an index": (SHARDS, "has neither model.safetensors nor"),
    "no tensors": ({SINGLE: framed(b"{}", b"")}, "has no tensors"),
    "both kinds": (
        {SINGLE: GOOD, **SHARDS, INDEX: index(WHOLE)},
        "has both model.safetensors and an index of other files",
    ),
    "both kinds, index of both": (
        {SINGLE: HALF_A, TWO: HALF_B, INDEX: index({"a": SINGLE, "b": TWO})},
        "has both model.safetensors and an index of other files",
    ),
    "index is empty": ({**SHARDS, INDEX: b""}, "is not JSON"),
    "index is a list": ({**SHARDS, INDEX: b"[]"}, "has no weight_map"),
    "index is a number": ({**SHARDS, INDEX: b"1"}, "has no weight_map"),
    "index without a map": ({**SHARDS, INDEX: b"{}"}, "has no weight_map"),
    "map is empty": ({**SHARDS, INDEX: index({})}, "has no weight_map"),
    "map is a list": ({**SHARDS, INDEX: index([ONE])}, "has no weight_map"),
    "map of lists": ({**SHARDS, INDEX: index({"a": [ONE]})}, "maps 'a' to a list of 1, expected"),
    "map of nulls": ({**SHARDS, INDEX: index({"a": None})}, "maps 'a' to None, expected a file"),
    "index in UTF-16": ({**SHARDS, INDEX: "{}".encode("utf-16")}, "not JSON: the byte 0xff at"),
    "index that nests": ({**SHARDS, INDEX: b"[" * 10**4 + b"]" * 10**4}, "it nests too deep"),
    "a tensor twice": (
        {**SHARDS, INDEX: b'{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}'},
        "the key 'a' stands twice",
    ),
    "two maps": ({**SHARDS, INDEX: b'{"weight_map":{},"weight_map":{}}'}, "'weight_map' stands"),
    "absolute": ({**SHARDS, INDEX: index({"a": "/etc/passwd"})}, "'/etc/passwd', which is an abs"),
    "outside": (
        {**SHARDS, INDEX: index({"a": "../model.safetensors"})},
        "lists '../model.safetensors', which points outside the model's folder",
    ),
    "outside and in again": (
        {**SHARDS, INDEX: index({"a": f"x/../{ONE}"})},
        "which points outside the model's folder",
    ),
    "another folder": (
        {f"x/{ONE}": HALF_A, INDEX: index({"a": f"x/{ONE}"})},
        "which lies in another folder",
    ),
    "another folder by backslash": (
        {**SHARDS, INDEX: index({"a": f"..\\{ONE}"})},
        "which lies in another folder",
    ),
    "the same file, other words": (
        {**SHARDS, INDEX: index({"a": f"./{ONE}"})},
        "which lies in another folder",
    ),
    "an index of pickles": (
        {"pytorch_model-1.bin": b"", INDEX: index({"a": "pytorch_model-1.bin"})},
        "which is no .safetensors file; convert",
    ),
    "empty file name": ({**SHARDS, INDEX: index({"a": ""})}, "lists '', which is no .safetensors"),
    "missing shard": ({ONE: HALF_A, INDEX: index(WHOLE)}, f"lists '{TWO}', which is missing"),
    "file name that hides": (
        {**SHARDS, INDEX: index({"a": "\u202e.safetensors"})},
        r"lists '\u202e.safetensors', which is missing",
    ),
    "tensor without a place": (
        {**SHARDS, INDEX: index({**WHOLE, "c\n": ONE})},
        r"lists tensors that no file has: 'c\n'",
    ),
    "tensor unlisted": (
        {ONE: GOOD, TWO: weights({"c": A}, DATA[:8]), INDEX: index({"a": ONE, "c": TWO})},
        "lacks tensors that its files have: 'b'",
    ),
    "five tensors without a place": (
        {ONE: HALF_A, INDEX: index(dict.fromkeys("abcdef", ONE))},
        "no file has: 'b', 'c', 'd' and 2 more",
    ),
    "files exchanged": (
        {**SHARDS, INDEX: index({"a": TWO, "b": ONE})},
        f"it says that 'a' is in {TWO}, it is in {ONE}",
    ),
    "a tensor in two files": (
        {ONE: HALF_A, TWO: HALF_A, INDEX: index({"a": ONE, "b": TWO})},
        f"tensor 'a' stands in {ONE} and in {TWO}",
    ),
    "a shard that lies": ({ONE: HALF_A, TWO: HALF_B[:-1], INDEX: index(WHOLE)}, "its header says"),
}  # fmt: skip


@pytest.mark.parametrize(("files", "said"), LYING_MODELS.values(), ids=LYING_MODELS.keys())
def test_models_that_lie_are_refused(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    model = commit(str(tmp_path), "model", files)
    refused(where=str(tmp_path), said=said, call=lambda: read_tensors(model))


def test_an_index_too_large_for_memory_is_not_even_read(tmp_path: Path) -> None:
    model = commit(str(tmp_path), "model", {**SHARDS, INDEX: index(WHOLE, x="a" * 2**21)})
    lies = attempt_in(tmp_path) / INDEX
    lies.write_bytes(bytes(lies.stat().st_size))
    refused(str(tmp_path), "raise --max-bytes", lambda: read_tensors(model, 1))
    refused(str(tmp_path), "is corrupt", lambda: read_tensors(model))


def test_shards_are_read_in_order_with_their_index(tmp_path: Path) -> None:
    model = commit(str(tmp_path), "model", {**SHARDS, INDEX: index(WHOLE)})
    assert weight_files(model) == [ONE, TWO]
    tensors = read_tensors(model)
    assert [(tensor.name, tensor.file) for tensor in tensors.values()] == [("a", ONE), ("b", TWO)]
    written = index_json({ONE: [tensors["a"]], TWO: [tensors["b"]]})
    assert written == {"metadata": {"total_size": 12}, "weight_map": WHOLE}


def test_an_index_of_the_single_file_is_no_second_model(tmp_path: Path) -> None:
    files = {SINGLE: GOOD, INDEX: index({"a": SINGLE, "b": SINGLE})}
    assert list(read_tensors(commit(str(tmp_path), "model", files))) == ["a", "b"]


def test_configs_are_read_in_bounded_memory(tmp_path: Path) -> None:
    files = {"config.json": b'{"limit": Infinity}', "deep.json": b"[" * 10**5, "big.json": b"[1,1]"}
    model = commit(str(tmp_path), "model", files)
    assert model.read_json("config.json") == {"limit": float("inf")}
    refused(str(tmp_path), "it nests too deep", lambda: model.read_json("deep.json"))
    refused(str(tmp_path), "raise --max-bytes", lambda: model.read_json("big.json", 500))
    refused(str(tmp_path), "raise --max-bytes", lambda: model.read_json("big.json", 50))
