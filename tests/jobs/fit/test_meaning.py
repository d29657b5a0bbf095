"""Tokens of two models that mean the same or do not."""

from pathlib import Path

import pytest

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.fit.meaning import check_meaning, check_vocabularies
from jobs.kinds.vocabulary import Vocabulary, read_vocabulary
from tests.jobs.merge.vocabularies import WORDS, model, named, tokenizer


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


def test_equal_files_are_not_read(tmp_path: Path) -> None:
    broken = {name: model(tmp_path / name, tokenizer__json=b"{") for name in ("base", "instruct")}
    assert check_vocabularies(broken) == []
    none = {name: model(tmp_path / "none" / name) for name in ("base", "instruct", "onto")}
    assert check_vocabularies(none) == []


def test_of_settings_only_added_tokens_matter_and_no_tokenizer_is_read_for_them(
    tmp_path: Path,
) -> None:
    decoder = {"5": {"content": "<s>"}}
    said = ({"chat_template": "x"}, {"chat_template": "y"}, {"added_tokens_decoder": decoder})
    first, other, more = (
        model(tmp_path / str(number), tokenizer__json=b"{", tokenizer_config__json=settings)
        for number, settings in enumerate(said)
    )
    assert check_vocabularies({"base": first, "instruct": other, "onto": first}) == []
    with pytest.raises(BadInputError, match=r"tokenizer\.json is not JSON"):
        check_vocabularies({"base": first, "instruct": other, "onto": more})


def test_each_tokenizer_is_read_once(tmp_path: Path) -> None:
    words = {"old": tokenizer(WORDS, ("<s>", 3)), "new": tokenizer(WORDS, ("<t>", 3))}
    roles = {"base": "old", "instruct": "old", "onto": "new"}
    models = {
        role: model(tmp_path / role, tokenizer__json=words[age], tokenizer_config__json={"a": role})
        for role, age in roles.items()
    }
    read: list[str] = []

    def counted(one: Artifact) -> Vocabulary:
        read.append(one.uri)
        return read_vocabulary(one)

    said = ["id 3 is '<s>' in --instruct, '<t>' in --onto"]
    assert check_vocabularies(models, counted) == said
    assert read == [f"{tmp_path}/base", f"{tmp_path}/onto"]


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
