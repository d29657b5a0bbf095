"""The tokens that a model's files name, and files that are refused."""

from pathlib import Path
from typing import Any

import pytest

from jobs.errors import BadInputError
from jobs.kinds.vocabulary import read_vocabulary
from tests.jobs.merge.vocabularies import WORDS, model, tokenizer
from tests.support.pico import commit_llama


def test_reads_what_the_tokenizers_library_writes(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    artifact = commit_llama(str(tmp_path / "model"), tmp_path / "scratch")
    found = read_vocabulary(artifact)
    expected = AutoTokenizer.from_pretrained(tmp_path / "scratch").get_vocab()
    assert {**found.ordinary, **found.added} == expected
    assert set(found.added) == {"<s>", "</s>", "<unk>"}
    assert found.known


@pytest.mark.parametrize("kind", ["BPE", "Unigram", "WordPiece"])
def test_reads_every_kind_of_tokenizer(kind: str, tmp_path: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, models

    kinds: dict[str, Any] = {
        "BPE": lambda: models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]),
        "Unigram": lambda: models.Unigram([("a", -1.0), ("b", -2.0), ("ab", -3.0)], 0),
        "WordPiece": lambda: models.WordPiece({"a": 0, "b": 1, "ab": 2}, unk_token="a"),
    }
    made: Any = Tokenizer(kinds[kind]())
    made.add_special_tokens([AddedToken("<end>", special=True), "b"])
    found = read_vocabulary(model(tmp_path, tokenizer__json=made.to_str().encode()))
    assert found.ordinary == {"a": 0, "ab": 2}
    assert found.added == {"<end>": 3, "b": 1}


def test_added_tokens_are_gathered_from_all_files(tmp_path: Path) -> None:
    decoder = {"added_tokens_decoder": {"3": {"content": "<s>"}, "5": {"content": "<t>"}}}
    artifact = model(
        tmp_path,
        vocab__json=WORDS,
        added_tokens__json={"<s>": 3, "<e>": 4},
        tokenizer_config__json=decoder,
    )
    found = read_vocabulary(artifact)
    assert found.ordinary == WORDS
    assert found.added == {"<s>": 3, "<e>": 4, "<t>": 5}


TWICE = b'{"model": {"vocab": {"a": 0, "b": 1, "a": 2}}}'


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("tokenizer__json", b"{", "is not JSON"),
        ("tokenizer__json", b"\xff\xfe{}", "is not JSON"),
        ("tokenizer__json", b"[" * 10**5, "nests too deep"),
        ("tokenizer__json", b"9" * 5000, "is no integer that can be read"),
        ("tokenizer__json", TWICE, "the key 'a' stands twice"),
        ("tokenizer__json", [], "the file is a list of 0, expected an object"),
        ("tokenizer__json", {}, "model is None, expected an object"),
        ("tokenizer__json", {"model": {"vocab": "abc"}}, r"model\.vocab is 'abc', expected an"),
        ("tokenizer__json", tokenizer({"a": "0"}), "id of token 'a' is '0', expected a number"),
        ("tokenizer__json", tokenizer({"a": 1.0}), r"id of token 'a' is 1\.0, expected a number"),
        ("tokenizer__json", tokenizer({"a": True}), "id of token 'a' is True, expected a number"),
        ("tokenizer__json", tokenizer({"a": -1}), "id of token 'a' is -1, expected a number"),
        (
            "tokenizer__json",
            tokenizer({"a": []}),
            "id of token 'a' is a list of 0, expected",
        ),
        ("tokenizer__json", tokenizer({"a": 0, "b": 0}), "id 0 is token 'a' and token 'b'"),
        ("tokenizer__json", tokenizer([["a", -1.0], "b"]), "the token of id 1 is None, expected"),
        ("tokenizer__json", tokenizer([["a", 0], ["a", 0]]), "token 'a' the id 1, but it has 0"),
        ("tokenizer__json", tokenizer([[7, 0]]), "the token of id 0 is 7, expected text"),
        ("tokenizer__json", tokenizer(WORDS, ("<s>", None)), "id of token '<s>' is None"),
        ("tokenizer__json", tokenizer(WORDS, (None, 3)), "the token of id 3 is None"),
        ("tokenizer__json", tokenizer(WORDS, ("<s>", 0)), "id 0 is token 'a' and token '<s>'"),
        ("tokenizer__json", tokenizer(WORDS, ("a", 7)), "token 'a' has the ids 0 and 7"),
        ("tokenizer__json", tokenizer(WORDS, ("x", 3), ("y", 3)), "id 3 is token 'x' and token"),
        ("tokenizer__json", tokenizer(WORDS, ("x", 3), ("x", 4)), "the id 4, but it has 3 already"),
        ("tokenizer__json", {"model": {"vocab": {}}, "added_tokens": 3}, "added_tokens is 3"),
        ("tokenizer__json", {"model": {"vocab": {}}, "added_tokens": [3]}, "an added token is 3"),
        ("vocab__json", ["a"], "the file is a list"),
        ("vocab__json", {"a": None}, "id of token 'a' is None"),
        ("added_tokens__json", {"a": [0]}, "id of token 'a' is a list"),
        ("tokenizer_config__json", {"added_tokens_decoder": [1]}, "decoder is a list"),
        ("tokenizer_config__json", {"added_tokens_decoder": {"x": {"content": "a"}}}, "is 'x'"),
        ("tokenizer_config__json", {"added_tokens_decoder": {"1": {}}}, "token of id 1 is None"),
        ("tokenizer_config__json", {"added_tokens_decoder": {"٣": "a"}}, "a number from 0"),
    ],
)
def test_a_broken_tokenizer_is_refused(file: str, content: Any, said: str, tmp_path: Path) -> None:
    artifact = model(tmp_path / "broken", **{file: content})
    with pytest.raises(BadInputError, match=said) as caught:
        read_vocabulary(artifact)
    assert str(tmp_path / "broken") in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_files_of_one_model_must_agree(tmp_path: Path) -> None:
    decoder = {"added_tokens_decoder": {"9": {"content": "<s>"}}}
    with pytest.raises(BadInputError, match=r"tokenizer_config\.json gives token '<s>' the id 9"):
        read_vocabulary(
            model(
                tmp_path,
                tokenizer__json=tokenizer(WORDS, ("<s>", 3)),
                tokenizer_config__json=decoder,
            )
        )


def test_what_would_not_fit_in_memory_is_not_parsed(tmp_path: Path) -> None:
    artifact = model(tmp_path / "values", tokenizer__json=b"[" + b"0," * 5_100_000 + b"0]")
    with pytest.raises(BadInputError, match=r"tokenizer\.json may take 1428000292 bytes of memory"):
        read_vocabulary(artifact)
