"""Inputs that must never become a candidate: each ends with one line and without an artifact."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from jobs.errors import BadInputError
from tests.jobs.merge.models import (
    CONFIG,
    EMBEDDING,
    HEAD,
    ROLES,
    WEIGHTS,
    WORDS,
    Q,
    files_of,
    merge,
    put,
    put_three,
    replace,
    run,
    tensors,
    tokenizer,
)
from tests.support.paths import attempt_in

INDEX = "model.safetensors.index.json"

Files = dict[str, bytes]


def header_of(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def with_header(header: object, body: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def headed(alter: Callable[[dict[str, Any]], object]) -> Files:
    """A model whose header is altered (in place, or replaced by what `alter` returns)."""
    files = files_of()
    header, body = header_of(files[WEIGHTS])
    files[WEIGHTS] = with_header(alter(header) or header, body)
    return files


def text_header(old: bytes, new: bytes) -> Files:
    """The same, on the header's text."""
    files = files_of()
    header, body = header_of(files[WEIGHTS])
    text = json.dumps(header, separators=(",", ":")).encode()
    assert old in text
    files[WEIGHTS] = with_header(text.replace(old, new, 1), body)
    return files


def indexed(weight_map: object, **more: bytes) -> Files:
    files = files_of()
    data = files.pop(WEIGHTS)
    index = json.dumps({"metadata": {}, "weight_map": weight_map}).encode()
    return {**files, "part.safetensors": data, INDEX: index, **more}


def in_part(names: Mapping[str, Any] | None = None) -> dict[str, str]:
    return dict.fromkeys(names or tensors(1), "part.safetensors")


def configured(**changes: object) -> Files:
    return {**files_of(), "config.json": json.dumps({**CONFIG, **changes}).encode()}


def without(name: str) -> Files:
    return {path: data for path, data in files_of().items() if path != name}


NAN = np.full((300, 7), np.nan, np.float32)
LONE = np.zeros((300, 7), np.float32)
LONE[299, 6] = -np.inf
# What is wrong with the instruct model → its files, and what the one line says.
CORPUS: dict[str, tuple[Files, str]] = {
    "a tensor less": (files_of(model__norm__weight=None),
                      "--instruct .* lacks tensors that --onto .* has: 'model.norm.weight'"),
    "a tensor more": (files_of(d=np.zeros(1, np.float32)),
                      "--instruct .* has tensors that --onto .* lacks: 'd'"),
    "another shape": (files_of(model__norm__weight=np.ones(2, np.float32)), r"F32 \[2\] in"),
    "the shape turned": (files_of(**{Q.replace(".", "__"): np.ones((7, 300), np.float32)}),
                         r"F32 \[7, 300\] in --instruct"),
    "another rank": (files_of(model__norm__weight=np.array(1, np.float32)), r"F32 \[\] in"),
    "a type that is not merged": (files_of(model__norm__weight=np.ones(1, np.float64)), "F64"),
    "whole numbers": (files_of(model__norm__weight=np.ones(1, np.int64)), "I64"),
    "all NaN": (files_of(**{Q.replace(".", "__"): NAN}), f"tensor {Q}: a value is NaN"),
    "one infinity": (files_of(**{Q.replace(".", "__"): LONE}), f"tensor {Q}: a value is NaN"),
    "more rows": (files_of(**{EMBEDDING.replace(".", "__"): np.ones((9, 4), np.float32)}),
                  "--vocabulary extend"),
    "other meaning": ({**files_of(), "tokenizer.json": tokenizer("b", "a", *WORDS[2:])},
                      "tokens mean other rows"),
    "no tokenizer": (without("tokenizer.json"), "has no tokenizer, or one without"),
    "a tokenizer that is none": ({**files_of(), "tokenizer.json": b"[" * 10**5}, "tokenizer.json"),
    "heads": (configured(num_attention_heads=3), "num_attention_heads is"),
    "rope": (configured(rope_theta=5e5), "rope_theta is"),
    "rope scaling": (configured(rope_scaling={"rope_type": "linear", "factor": 2.0}),
                     "--allow-config rope_scaling"),
    "norm": (configured(rms_norm_eps=1e-3), "rms_norm_eps is"),
    "tied by its config, not by its values": (
        configured(tie_word_embeddings=True), "ties lm_head.weight"),
    "tied, and no head": (
        {**configured(tie_word_embeddings=True), WEIGHTS: save(tensors(1, lm_head__weight=None))},
        "the two differ in --"),
    "no head, yet not tied": (files_of(lm_head__weight=None), f"lacks tensors .*{HEAD}"),
    "quantised": (configured(quantization_config={"bits": 4}), "quantization_config"),
    "config has half a character": (
        configured(temperature="\ud800"), "config.json is not JSON"),
    "no rows": (files_of(**{EMBEDDING.replace(".", "__"): np.ones((0, 4), np.float32)}),
                r"F32 \[0, 4\] in --instruct"),
    "config is a list": ({**files_of(), "config.json": b"[]"}, "config.json"),
    "config is deep": ({**files_of(), "config.json": b"[" * 10**5}, "config.json"),
    "config is cut": ({**files_of(), "config.json": b'{"a'}, "config.json"),
    "no config": (without("config.json"), "config.json"),
    "no weights": (without(WEIGHTS), "neither model.safetensors"),
    "pickled weights": ({**without(WEIGHTS), "pytorch_model.bin": b"\x80\x02}."}, "pytorch_model"),
    "empty": ({**files_of(), WEIGHTS: b""}, WEIGHTS),
    "seven bytes": ({**files_of(), WEIGHTS: b"\x01" * 7}, WEIGHTS),
    "cut in the header": ({**files_of(), WEIGHTS: files_of()[WEIGHTS][:100]}, WEIGHTS),
    "cut in the values": ({**files_of(), WEIGHTS: files_of()[WEIGHTS][:-1]}, WEIGHTS),
    "longer than it says": ({**files_of(), WEIGHTS: files_of()[WEIGHTS] + b"\0"}, WEIGHTS),
    "a header of 2^63 bytes": (
        {**files_of(), WEIGHTS: b"\xff" * 7 + b"\x7f" + files_of()[WEIGHTS][8:]}, WEIGHTS),
    "a header that is no JSON": ({**files_of(), WEIGHTS: with_header(b"{nonsense", b"")}, WEIGHTS),
    "a header that is a list": (headed(lambda header: [header]), WEIGHTS),
    "a header that is deep": (
        {**files_of(), WEIGHTS: with_header(b'{"a":' + b"[" * 10**5, b"")}, WEIGHTS),
    "tensors that overlap": (
        headed(lambda h: h[HEAD].update(data_offsets=h[EMBEDDING]["data_offsets"])), WEIGHTS),
    "a hole": (headed(lambda h: h.pop("model.norm.weight") and None), WEIGHTS),
    "beyond the end": (
        headed(lambda h: h[HEAD].update(data_offsets=[10**9, 10**9 + 128])), WEIGHTS),
    "negative offsets": (headed(lambda h: h[HEAD].update(data_offsets=[-128, 0])), WEIGHTS),
    "offsets backwards": (headed(lambda h: h[HEAD]["data_offsets"].reverse()), WEIGHTS),
    "offsets as text": (headed(lambda h: h[HEAD].update(data_offsets=["0", "128"])), WEIGHTS),
    "a shape that overflows": (headed(lambda h: h[HEAD].update(shape=[2**62, 2**62, 8])), WEIGHTS),
    "a negative shape": (headed(lambda h: h[HEAD].update(shape=[-8, -4])), WEIGHTS),
    "a shape of fractions": (headed(lambda h: h[HEAD].update(shape=[8.0, 4.0])), WEIGHTS),
    "an unknown type": (headed(lambda h: h[HEAD].update(dtype="F33")), WEIGHTS),
    "a type twice as wide": (headed(lambda h: h[HEAD].update(dtype="F64")), WEIGHTS),
    "a name twice": (text_header(b'"lm_head.weight":', b'"model.norm.weight":'), WEIGHTS),
    "an entry's field twice": (text_header(b'"dtype":', b'"dtype":"F32","dtype":'), WEIGHTS),
    "a name with a line break": (text_header(b'"lm_head.', b'"lm\\nhead.'), WEIGHTS),
    "a name that is no text": (text_header(b'"lm_head.', b'"\\ud800.'), WEIGHTS),
    "an index to another folder": (
        indexed({**in_part(), HEAD: "../base/model.safetensors"}), INDEX),
    "an index to an absolute path": (indexed({**in_part(), HEAD: "/etc/passwd"}), INDEX),
    "an index to a missing file": (indexed({**in_part(), HEAD: "none.safetensors"}), INDEX),
    "an index to the config": (indexed({**in_part(), HEAD: "config.json"}), INDEX),
    "an index that lacks a tensor": (indexed(in_part([HEAD])), INDEX),  # type: ignore[arg-type]
    "an index that is none": (indexed([]), INDEX),
    "an index of an index": (indexed({HEAD: {"a": "b"}}), INDEX),
    "a tensor in two files": (
        indexed({**in_part(), HEAD: "more.safetensors"},
                **{"more.safetensors": save({HEAD: tensors(1)[HEAD]})}), HEAD),
    "an index and a single file": (
        {**indexed(in_part()), WEIGHTS: files_of()[WEIGHTS]}, "model.safetensors"),
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Path:
    put_three(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("wrong", CORPUS)
def test_a_bad_model_is_refused(store: Path, wrong: str) -> None:
    files, said = CORPUS[wrong]
    replace(store, "instruct", files)
    with pytest.raises(BadInputError, match=said) as error:
        run(store)
    assert len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < 1000
    assert not (store / "out/manifest.json").exists()


def test_the_corpus_is_of_models_that_are_fine_but_for_one_thing(store: Path) -> None:
    replace(store, "instruct", files_of())
    assert run(store).manifest.kind == "model"


def test_models_without_rows_are_refused(store: Path) -> None:
    for role in ROLES:
        replace(
            store, role, files_of(**{EMBEDDING.replace(".", "__"): np.ones((0, 4), np.float32)})
        )
    with pytest.raises(BadInputError, match=f"tensor {EMBEDDING} of --onto .* has no rows"):
        run(store, "--vocabulary=extend")


def test_configs_that_say_nothing_are_no_crash(store: Path) -> None:
    for role in ROLES:
        files = {**files_of(lm_head__weight=None), "config.json": b"{}"}
        replace(store, role, files)
    with pytest.raises(BadInputError, match="lacks tie_word_embeddings; set it to true or false"):
        run(store)


def test_untied_models_that_all_lack_their_heads_are_refused(store: Path) -> None:
    for role in ROLES:
        replace(store, role, files_of(lm_head__weight=None))
    with pytest.raises(BadInputError, match=r"--onto .* has no lm_head.weight, and its config"):
        run(store)


def test_the_command_ends_with_64_and_one_line(store: Path) -> None:
    replace(store, "onto", CORPUS["tensors that overlap"][0])
    uris = [f"--{role}={store}/{role}" for role in ROLES]
    result = subprocess.run(
        [sys.executable, "-m", "jobs.merge", *uris, f"--out={store}/out"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 64
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("where", [-1, 9, 700])
@pytest.mark.parametrize("shards", [1, 3])
def test_altered_weights_are_found(tmp_path: Path, where: int, shards: int) -> None:
    """In the values or in the header, in files that are read in order and others."""
    store = str(tmp_path)
    put_three(store)
    put(f"{store}/other", dict(reversed(tensors(0).items())), shards=shards)
    (tmp_path / "base").rename(tmp_path / "unused")
    (tmp_path / "other").rename(tmp_path / "base")
    weights = max(attempt_in(tmp_path / "base").glob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[min(where, len(data) - 30)] ^= 1
    weights.write_bytes(data)
    error = merge(store)
    assert weights.name in error
    assert not (tmp_path / "out/manifest.json").exists()
