"""Files that are no tokenizer end with 64 and one line, whatever is wrong with them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import BadInputError
from jobs.kinds.tokenizer import load_plain, load_tokenizer
from tests.support import tokenizers as shapes
from tests.support.pico import commit, commit_articles, run_job, write_llama
from tests.support.tokenizers import write

FILE, SETTINGS = "tokenizer.json", "tokenizer_config.json"
Tree = dict[str, Any]


def put(*path: str | int, value: Any) -> Callable[[Tree], None]:
    """Sets what lies at `path`."""

    def change(tree: Tree) -> None:
        inner: Any = tree
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value

    return change


def entry(content: Any, number: Any) -> Tree:
    """An added token."""
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": content, **flags, "special": True}


CHANGED: dict[str, Callable[[Tree], None]] = {
    "no model": put("model", value=None),
    "a model that is a list": put("model", value=[]),
    "a model of another kind": put("model", "type", value="Neural"),
    "no vocabulary": put("model", "vocab", value={}),
    "a vocabulary of floats": put("model", "vocab", value={"a": 0.5}),
    "a vocabulary of booleans": put("model", "vocab", value={"a": True}),
    "a vocabulary with a negative id": put("model", "vocab", value={"a": -1}),
    "a vocabulary with an id over 32 bits": put("model", "vocab", value={"a": 2**32}),
    "a Unigram vocabulary of numbers": put("model", "vocab", value=[[1, 2.0]]),
    "a Unigram vocabulary of empty lists": put("model", "vocab", value=[[]]),
    "merges of unknown tokens": put("model", "merges", value=["qq zz"]),
    "a merge of one token": put("model", "merges", value=["the"]),
    "merges of numbers": put("model", "merges", value=[1, 2]),
    "merges of three": put("model", "merges", value=[["t", "h", "e"]]),
    "an added token without text": put("added_tokens", value=[entry("", 303)]),
    "an added token of a number": put("added_tokens", value=[entry(7, 303)]),
    "an added token without id": put("added_tokens", value=[{"content": "<x>"}]),
    "an added token with a wide id": put("added_tokens", value=[entry("<x>", 10**9)]),
    "an added token twice": put("added_tokens", value=[entry("<x>", 303)] * 2),
    "an added token by a known id": put("added_tokens", value=[entry("the", 0)]),
    "added tokens as an object": put("added_tokens", value={"<x>": 303}),
    "a normalizer of no kind": put("normalizer", value={"type": "Rewrite"}),
    "a normalizer's text": put("normalizer", value="NFC"),
    "a character map of no kind": put(
        "normalizer", value={"type": "Precompiled", "precompiled_charsmap": "////"}
    ),
    "a pattern that is none": put(
        "pre_tokenizer",
        value={"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": False},
    ),
    "a post-processor of no kind": put("post_processor", value={"type": "Add"}),
    "a decoder of no kind": put("decoder", value={"type": "Say"}),
    "truncation of no kind": put("truncation", value={"max_length": -1}),
    "padding of no kind": put("padding", value=7),
}
WRITTEN = {
    "nothing": (FILE, b""),
    "half a file": (FILE, b'{"model": {"vocab": {"a": 0'),
    "a list": (FILE, b"[]"),
    "a number": (FILE, b"7"),
    "a key twice": (FILE, b'{"model": {}, "model": {}}'),
    "another encoding": (FILE, '{"é": 1}'.encode("latin-1")),
    "a pickle": (FILE, b"\x80\x04\x95"),
    "depth": (FILE, b"[" * 100_000),
    "settings that are a list": (SETTINGS, b"[]"),
    "an end token that there is not": (SETTINGS, b'{"eos_token": "</nothing>"}'),
    "an end token that is a number": (SETTINGS, b'{"eos_token": 7}'),
    "an end token that is a list": (SETTINGS, b'{"eos_token": ["<|end|>"]}'),
    "a length that is a text": (SETTINGS, b'{"model_max_length": "long"}'),
    "a template that is a number": (SETTINGS, b'{"chat_template": 7}'),
    "a list of settings of tokens": (SETTINGS, b'{"added_tokens_decoder": [1]}'),
    "settings of tokens by name": (SETTINGS, b'{"added_tokens_decoder": {"x": {"content": "a"}}}'),
    "settings with other ids": (SETTINGS, b'{"added_tokens_decoder": {"9": {"content": "the"}}}'),
    "a template of another encoding": ("chat_template.jinja", b"\xff\xfe"),
}


def assert_refused(folder: Path) -> None:
    for load in (load_tokenizer, load_plain):
        with pytest.raises(BadInputError) as caught:
            load(folder, "m")
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 500
        assert str(caught.value).startswith("m")


@pytest.mark.parametrize("name", CHANGED)
def test_a_file_with_something_wrong_is_refused(name: str, tmp_path: Path) -> None:
    tree = shapes.tree(shapes.byte_level())
    CHANGED[name](tree)
    assert_refused(write(tmp_path, tree))


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_that_is_another_thing_is_refused(name: str, tmp_path: Path) -> None:
    write(tmp_path, shapes.byte_level())
    path, data = WRITTEN[name]
    (tmp_path / path).write_bytes(data)
    assert_refused(tmp_path)


def test_without_the_file_the_fix_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(b"")
    with pytest.raises(
        BadInputError, match=r"has no tokenizer.json; convert its tokenizer: .*save"
    ):
        load_plain(tmp_path, "m")


def doubling(tree: Tree) -> None:
    """Each e becomes 1000**20 of them."""
    replace = {"type": "Replace", "pattern": {"String": "e"}, "content": "e" * 1000}
    tree["normalizer"] = {"type": "Sequence", "normalizers": [replace] * 20}


def backtracking(tree: Tree) -> None:
    """A pattern that no search ends with."""
    split = {"type": "Split", "pattern": {"Regex": "([a-z ]+)+$"}, "behavior": "Isolated"}
    tree["pre_tokenizer"] = {**split, "invert": False}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("model", "merges", value=[1, 2]), "a tokenizer that cannot be loaded"),
        (doubling, "takes more than"),
        (backtracking, "fails on an article: a regular expression in it takes too long"),
    ],
)
def test_pack_ends_with_64_and_one_line(
    change: Callable[[Tree], None], said: str, tmp_path: Path
) -> None:
    tree = shapes.tree(shapes.byte_level())
    change(tree)
    folder = write(tmp_path / "files", tree)
    commit_articles(f"{tmp_path}/articles", ["the baker makes bread every day of the week; " * 3])
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    commit(f"{tmp_path}/model", "model", {"config.json": b"{}", **files})
    flags = [f"--articles={tmp_path}/articles", f"--tokenizer={tmp_path}/model"]
    result = run_job("pack", *flags, f"--out={tmp_path}/rows")
    assert result.returncode == 64, result.stderr
    (line,) = result.stderr.splitlines()
    assert said in line
    assert f"{tmp_path}/model" in line


def test_ingest_refuses_it(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "files")
    settings = json.loads((folder / SETTINGS).read_text())
    (folder / SETTINGS).write_text(json.dumps({**settings, "eos_token": "</nothing>"}))
    result = run_job("ingest", f"--from={folder}", f"--out={tmp_path}/model")
    assert result.returncode == 64, result.stderr
    assert "eos_token is '</nothing>', no token of tokenizer.json" in result.stderr
