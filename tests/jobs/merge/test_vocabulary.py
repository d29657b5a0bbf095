"""Tokens of two models that mean the same or do not, and the rows of an extended embedding."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.merge.fit.vocabulary import (
    Rows,
    Vocabulary,
    check_meaning,
    check_vocabularies,
    read_vocabulary,
    row_sources,
)
from tests.support.pico import commit, commit_llama

WORDS = {"a": 0, "b": 1, "c": 2}


def model(place: Path, **files: Any) -> Artifact:
    """A model with these files ("__" for "." in names); what is not bytes is written as JSON."""
    data = {
        name.replace("__", "."): value if isinstance(value, bytes) else json.dumps(value).encode()
        for name, value in files.items()
    }
    return commit(str(place), "model", {"config.json": b"{}", **data})


def tokenizer(vocab: Any, *added: tuple[Any, Any]) -> dict[str, Any]:
    entries = [{"id": id_, "content": token, "special": True} for token, id_ in added]
    return {
        "added_tokens": entries,
        "model": {"type": "BPE", "vocab": vocab, "merges": [["a", "b"]]},
    }


def named(where: str, ordinary: dict[str, int], **added: int) -> Vocabulary:
    return Vocabulary(where, ordinary, added)


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


def test_a_sentencepiece_model_alone_is_compared_by_its_digest(tmp_path: Path) -> None:
    one, same, other = (
        model(tmp_path / name, tokenizer__model=data, tokenizer_config__json={"for": name})
        for name, data in (("one", b"\x0a\x01"), ("same", b"\x0a\x01"), ("other", b"\x0a\x02"))
    )
    assert read_vocabulary(one).opaque == one.manifest.files[1].digest
    assert check_vocabularies({"base": one, "instruct": same}) == []
    with pytest.raises(BadInputError, match=r"tokenizer\.model is not the same file"):
        check_vocabularies({"base": one, "instruct": other})
    readable = model(tmp_path / "readable", tokenizer__json=tokenizer(WORDS))
    with pytest.raises(BadInputError, match=r"only one has no tokenizer\.json"):
        check_vocabularies({"base": one, "onto": readable})


TWICE = b'{"model": {"vocab": {"a": 0, "b": 1, "a": 2}}}'


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("tokenizer__json", b"{", "is not JSON"),
        ("tokenizer__json", b"\xff\xfe{}", "is not JSON"),
        ("tokenizer__json", b"[" * 10**5, "nests too deep"),
        ("tokenizer__json", b"9" * 5000, "is no integer that can be read"),
        ("tokenizer__json", TWICE, "the key 'a' stands twice"),
        ("tokenizer__json", [], "the file is a list, expected an object"),
        ("tokenizer__json", {}, "model is None, expected an object"),
        ("tokenizer__json", {"model": {"vocab": "abc"}}, r"model\.vocab is 'abc', expected an"),
        ("tokenizer__json", tokenizer({"a": "0"}), "id of token 'a' is '0', expected a number"),
        ("tokenizer__json", tokenizer({"a": 1.0}), r"id of token 'a' is 1\.0, expected a number"),
        ("tokenizer__json", tokenizer({"a": True}), "id of token 'a' is True, expected a number"),
        ("tokenizer__json", tokenizer({"a": -1}), "id of token 'a' is -1, expected a number"),
        ("tokenizer__json", tokenizer({"a": []}), "id of token 'a' is a list, expected a number"),
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


def test_equal_files_are_not_read(tmp_path: Path) -> None:
    broken = {name: model(tmp_path / name, tokenizer__json=b"{") for name in ("base", "instruct")}
    assert check_vocabularies(broken) == []
    none = {name: model(tmp_path / "none" / name) for name in ("base", "instruct", "onto")}
    assert check_vocabularies(none) == []


def test_a_chat_template_makes_no_difference(tmp_path: Path) -> None:
    words = tokenizer(WORDS, ("<s>", 3))
    base = model(tmp_path / "base", tokenizer__json=words)
    instruct = model(
        tmp_path / "instruct", tokenizer__json=words, tokenizer_config__json={"chat_template": "x"}
    )
    assert check_vocabularies({"base": base, "instruct": instruct, "onto": base}) == []


@pytest.mark.parametrize("lacking", ["base", "instruct"])
def test_a_model_without_a_tokenizer_cannot_be_compared(lacking: str, tmp_path: Path) -> None:
    models = {
        role: model(tmp_path / role, **({} if role == lacking else {"vocab__json": WORDS}))
        for role in ("base", "instruct")
    }
    with pytest.raises(BadInputError, match=rf"^--{lacking} {tmp_path}/{lacking} has no tokenizer"):
        check_vocabularies(models)


def test_tokens_that_mean_other_rows_are_counted_and_named() -> None:
    base = named("B", {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4, "f": 9}, s=5)
    other = named("I", {"b": 0, "a": 1, "c": 2, "e": 3, "f": 8}, t=5)
    with pytest.raises(BadInputError) as caught:
        check_meaning(base, other, ("base", "instruct"))
    # a, b swapped; d's place is taken by e, which moved from a place that is free; s gave way
    # to t; f moved from a place that is free to one that was.
    assert str(caught.value) == (
        "tokens mean other rows in --base B than in --instruct I, 6 in all: "
        "id 0 is 'a' in --base, 'b' in --instruct; id 1 is 'b' in --base, 'a' in --instruct; "
        "id 3 is 'd' in --base, 'e' in --instruct; …; merge models of one vocabulary"
    )


def test_a_token_that_moved_to_a_free_place_is_named() -> None:
    with pytest.raises(BadInputError, match=r"1 in all: 'a' has id 0 in --base, 7 in --onto; "):
        check_meaning(named("B", {"a": 0}), named("O", {"a": 7}), ("base", "onto"))


def test_tokens_of_one_side_only_are_no_conflict() -> None:
    more = named("O", {**WORDS, "d": 3}, x=4)
    for one, two in ((named("B", WORDS), more), (more, named("B", WORDS))):
        assert check_meaning(one, two, ("base", "instruct")) == []


def test_siblings_may_rename_reserved_places() -> None:
    base = named("3", WORDS, begin=3, reserved_0=4, reserved_1=5, reserved_2=6)
    sibling = named("3.1", WORDS, begin=3, pad=4, reserved_0=5, reserved_1=9)
    assert check_meaning(base, sibling, ("base", "onto"), ordinary_only=True) == [
        "id 4 is 'reserved_0' in --base, 'pad' in --onto",
        "id 5 is 'reserved_1' in --base, 'reserved_0' in --onto",
    ]
    with pytest.raises(BadInputError, match="2 in all: "):
        check_meaning(base, sibling, ("base", "instruct"))


@pytest.mark.parametrize(
    "onto",
    [
        named("O", {"a": 0, "b": 1, "new": 3}),  # an added place became an ordinary token's
        named("O", {"a": 0, "b": 1}, x=2),  # an ordinary token gave way to an added one
        named("O", {"a": 0, "b": 1, "s": 4}),  # an added token moved and became ordinary
    ],
)
def test_ordinary_tokens_count_on_either_side(onto: Vocabulary) -> None:
    with pytest.raises(BadInputError, match="1 in all: "):
        check_meaning(named("B", WORDS, s=3), onto, ("base", "onto"), ordinary_only=True)


def test_three_models_from_the_store(tmp_path: Path) -> None:
    base = model(tmp_path / "base", tokenizer__json=tokenizer(WORDS, ("<r0>", 3)))
    instruct = model(
        tmp_path / "instruct", tokenizer__json=tokenizer(WORDS, ("<r0>", 3), ("<chat>", 4))
    )
    onto = model(tmp_path / "onto", tokenizer__json=tokenizer(WORDS, ("<pad>", 3)))
    renamed = ["id 3 is '<r0>' in --instruct, '<pad>' in --onto"]
    assert check_vocabularies({"onto": onto, "base": base, "instruct": instruct}) == renamed
    with pytest.raises(BadInputError, match="1 in all: "):
        check_vocabularies({"base": base, "instruct": onto})
    stored = check_vocabularies({"residual": instruct, "onto": onto})
    assert stored == ["id 3 is '<r0>' in --residual, '<pad>' in --onto"]
    swapped = model(tmp_path / "swapped", vocab__json={"b": 0, "a": 1, "c": 2})
    with pytest.raises(BadInputError, match=r"than in --onto .*/swapped, 2 in all: "):
        check_vocabularies({"base": base, "instruct": instruct, "onto": swapped})


def test_a_place_that_base_left_free_means_one_token(tmp_path: Path) -> None:
    base = model(tmp_path / "base", vocab__json=WORDS)
    instruct = model(tmp_path / "instruct", vocab__json={**WORDS, "d": 3})
    onto = model(tmp_path / "onto", vocab__json={**WORDS, "e": 3})
    with pytest.raises(BadInputError, match="id 3 is 'd' in --instruct, 'e' in --onto"):
        check_vocabularies({"base": base, "instruct": instruct, "onto": onto})


@pytest.mark.parametrize(
    ("onto", "base", "instruct", "expected"),
    [
        (8, 8, 8, [Rows(0, 8, "sum")]),
        (8, 9, 8, [Rows(0, 8, "sum")]),  # base's own last row goes with it
        (8, 8, 10, [Rows(0, 8, "sum"), Rows(8, 10, "instruct")]),
        (10, 8, 8, [Rows(0, 8, "sum"), Rows(8, 10, "onto")]),
        (8, 10, 10, [Rows(0, 8, "sum"), Rows(8, 10, "instruct")]),
        (10, 10, 8, [Rows(0, 8, "sum"), Rows(8, 10, "onto")]),
        (12, 10, 8, [Rows(0, 8, "sum"), Rows(8, 12, "onto")]),
        (0, 0, 2, [Rows(0, 2, "instruct")]),
    ],
)
def test_rows_of_the_extended_embedding(
    onto: int, base: int, instruct: int, expected: list[Rows]
) -> None:
    assert row_sources({"onto": onto, "base": base, "instruct": instruct}) == expected


@pytest.mark.parametrize(("onto", "base", "instruct"), [(10, 8, 10), (10, 8, 9), (9, 8, 12)])
def test_rows_that_base_lacks_and_both_others_have(onto: int, base: int, instruct: int) -> None:
    said = rf"--onto \({onto} rows\) and --instruct \({instruct}\) both have rows that --base \(8\)"
    with pytest.raises(BadInputError, match=said):
        row_sources({"onto": onto, "base": base, "instruct": instruct})


@given(*(st.integers(0, 30) for _ in range(3)))
def test_every_row_comes_from_those_that_have_it(onto: int, base: int, instruct: int) -> None:
    rows = {"onto": onto, "base": base, "instruct": instruct}
    result = range(max(onto, instruct))
    if any(base <= row < min(onto, instruct) for row in result):
        with pytest.raises(BadInputError):
            row_sources(rows)
        return
    sources = [part.source for part in row_sources(rows) for _ in range(part.start, part.stop)]
    assert sources == [
        "sum" if row < onto and row < instruct else "onto" if row < onto else "instruct"
        for row in result
    ]
    edges = [edge for part in row_sources(rows) for edge in (part.start, part.stop)]
    assert edges == sorted(edges)
