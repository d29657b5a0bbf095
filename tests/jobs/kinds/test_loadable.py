"""What train and evaluate refuse of models that were imported before ingest understood them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.errors import BadInputError
from jobs.kinds.model import INDEX, check_loadable
from tests.support.pico import commit_tensors

ONES = np.ones((2, 2), np.float32)
WHOLE = {"model.embed_tokens.weight": ONES, "lm_head.weight": ONES}
HEADLESS = {"model.embed_tokens.weight": ONES}
SHARDS = {
    f"model-0000{number}-of-00002.safetensors": {name: ONES} for number, name in enumerate(WHOLE, 1)
}
WEIGHT_MAP = {name: file for file, tensors in SHARDS.items() for name in tensors}
SINGLE = "model.safetensors"
TOKENIZER = {"tokenizer.json": b"{}"}


def config(**more: Any) -> bytes:
    return json.dumps({"model_type": "llama", **more}).encode()


def index(**more: Any) -> bytes:
    return json.dumps({"weight_map": WEIGHT_MAP} | more).encode()


REFUSED: dict[str, tuple[Mapping[str, Mapping[str, np.ndarray]], dict[str, bytes], str]] = {
    "no head": ({SINGLE: HEADLESS}, {"config.json": config()}, "has no lm_head.weight"),
    "said to have one": ({SINGLE: HEADLESS}, {"config.json": config(tie_word_embeddings=False)},
                         "set tie_word_embeddings to true if it was trained so"),
    "nothing says": ({SINGLE: HEADLESS}, {"config.json": config(model_type="new")},
                     "lacks tie_word_embeddings; set it to true or false"),
    "a config that is a list": ({SINGLE: WHOLE}, {"config.json": b"[]"}, "expected an object"),
    "no metadata": (SHARDS, {INDEX: index()}, f"{INDEX} has no metadata; ingest the model again"),
    "metadata null": (SHARDS, {INDEX: index(metadata=None)}, "has no metadata"),
    "metadata a list": (SHARDS, {INDEX: index(metadata=[])}, "has no metadata"),
    "a tensor more in the index": (
        SHARDS, {INDEX: index(weight_map={**WEIGHT_MAP, "x": next(iter(SHARDS))}, metadata={})},
        "lists tensors that no file has: 'x'"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_transformers_would_fail_on_or_make_up(tmp_path: Path, what: str) -> None:
    shards, files, said = REFUSED[what]
    model = commit_tensors(
        f"{tmp_path}/m", shards, **{"config.json": config(), **TOKENIZER, **files}
    )
    with pytest.raises(BadInputError, match=said) as caught:
        check_loadable(model)
    assert f"{tmp_path}/m" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("shards", "settings"),
    [(SHARDS, config()), ({SINGLE: HEADLESS}, config(tie_word_embeddings=True)),
     ({SINGLE: HEADLESS}, config(model_type="gemma2")), ({SINGLE: WHOLE}, b"{}")],
)  # fmt: skip
def test_what_is_whole(tmp_path: Path, shards: Any, settings: bytes) -> None:
    files = {"config.json": settings, **TOKENIZER}
    found = check_loadable(commit_tensors(f"{tmp_path}/m", shards, **files))
    assert found.keys() == {name for tensors in shards.values() for name in tensors}


@pytest.mark.parametrize("name", ["tokenizer.model", "vocab.json", "tekken.json"])
def test_another_tokenizer_is_none(tmp_path: Path, name: str) -> None:
    model = commit_tensors(f"{tmp_path}/m", {SINGLE: WHOLE}, **{name: b"{}"})
    with pytest.raises(BadInputError, match=r"lacks .* its tokenizer, tokenizer\.json; ingest it"):
        check_loadable(model)
