"""A tokenizer gives the ids that its file says, and no text becomes a control token."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer

from jobs.errors import BadInputError
from jobs.kinds.tokenizer import Plain, load_plain, load_tokenizer
from jobs.pack.served import TEXTS, comparison
from jobs.pack.tokens import Encoder
from tests.support import tokenizers as shapes
from tests.support.tokenizers import write

# What AutoTokenizer of transformers 5.23 reads otherwise, by the class that the type has there.
READ_OTHERWISE = (
    "codegen", "cohere", "cohere2", "dbrx", "falcon_mamba", "gpt2", "gpt_neo", "gpt_neox", "gptj",
    "mamba", "mpt", "olmo", "olmoe", "opt", "phi", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe",
    "qwen3_next", "roberta", "starcoder2",
)  # fmt: skip
READ_ALIKE = ("exaone4", "gemma", "llama", "mistral", "phi3", "smollm3")
ROLES = {
    shapes.byte_level: {},
    shapes.llama_3: {},
    shapes.metaspace: {"unk_token": "<unk>"},
    shapes.word_piece: {"bos_token": "[CLS]", "eos_token": "[SEP]", "unk_token": "[UNK]"},
    shapes.unigram: {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"},
    shapes.words: {"unk_token": "<unk>"},
}


@pytest.mark.parametrize("kind", [*READ_OTHERWISE, *READ_ALIKE])
def test_the_file_is_used_whatever_the_model_type(kind: str, tmp_path: Path) -> None:
    from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

    own = TOKENIZER_MAPPING_NAMES.get(kind, "PreTrainedTokenizerFast")
    folder = write(tmp_path, shapes.byte_level(), tokenizer_class=own)
    (folder / "config.json").write_text(json.dumps({"model_type": kind}))
    file = Tokenizer.from_file(str(folder / "tokenizer.json"))
    chat, plain = load_tokenizer(folder, "m"), load_plain(folder, "m")
    for text in TEXTS:
        ids = file.encode(text).ids
        assert chat(text)["input_ids"] == ids
        assert plain.tokenizer.encode(text).ids == ids
    warned = comparison(folder, "m")()
    assert bool(warned) == (kind in READ_OTHERWISE)
    assert not warned or f"(model_type='{kind}')" in warned


@pytest.mark.parametrize("shape", ROLES, ids=lambda shape: shape.__name__)
def test_each_shape_is_read_as_its_file(shape: Callable[[], Tokenizer], tmp_path: Path) -> None:
    folder = write(tmp_path, shape(), **ROLES[shape])
    file = Tokenizer.from_file(str(folder / "tokenizer.json"))
    plain = load_plain(folder, "m")
    end = file.token_to_id(ROLES[shape].get("eos_token", "<|end|>"))
    texts = ["the baker makes bread", " and  nails\n", "bread", "", *TEXTS]
    for text, ids in zip(texts, Encoder(plain, "m")(texts), strict=True):
        expected = file.encode(text).ids
        assert load_tokenizer(folder, "m")(text)["input_ids"] == expected
        assert ids.tolist() == (expected if expected[-1:] == [end] else [*expected, end])


MARKS = (
    "<|begin|>", "<|end|>", "<think>", "</think>", "<tool_call>", "<|fim_prefix|>", "[CLS]",
    "[SEP]", "<s>", "</s>", "<unk>", "<|", "|>", "the", " baker", "▁", "Ġ", "\n", "<", ">",
)  # fmt: skip
ADDED = ("<think>", "</think>", "<tool_call>", "<|fim_prefix|>")


@pytest.fixture(scope="module")
def plains(tmp_path_factory: pytest.TempPathFactory) -> list[Plain]:
    found = []
    for shape, roles in ROLES.items():
        tokenizer = shape()
        for number, mark in enumerate(ADDED):  # as Qwen 2.5 has them: not special
            tokenizer.add_tokens([AddedToken(mark, normalized=number % 2 == 0, special=False)])
        folder = write(tmp_path_factory.mktemp(shape.__name__), tokenizer, **roles)
        plain = load_plain(folder, "m")
        assert {tokenizer.token_to_id(mark) for mark in ADDED} < plain.control
        found.append(plain)
    return found


@given(st.lists(st.sampled_from(MARKS) | st.text(max_size=3), max_size=12).map("".join))
def test_no_text_becomes_a_control_token(plains: list[Plain], text: str) -> None:
    for plain in plains:
        encoded = plain.tokenizer.encode(text)
        added = encoded.special_tokens_mask
        own = [i for i, mark in zip(encoded.ids, added, strict=True) if not mark]
        assert plain.control.isdisjoint(own)
        (ids,) = Encoder(plain, "m")([text])
        assert [i for i in ids if i == plain.end] == [plain.end]


def test_added_tokens_that_texts_consist_of_stay(tmp_path: Path) -> None:
    """GPT-NeoX and phi add runs of blanks, others words; neither is a mark."""
    added = [AddedToken("    ", normalized=False), AddedToken("bread2", normalized=False)]
    plain = load_plain(write(tmp_path, shapes.byte_level(*added)), "m")
    file = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = "the    bread2"
    assert plain.tokenizer.encode(text).ids == file.encode(text).ids
    assert file.token_to_id("    ") in file.encode(text).ids


def test_an_end_token_that_texts_hold_is_refused(tmp_path: Path) -> None:
    write(tmp_path, shapes.byte_level(), eos_token="a")
    with pytest.raises(BadInputError, match="the eos_token 'a', which texts hold, too"):
        load_plain(tmp_path, "m")


def test_a_control_token_by_another_name_is_refused(tmp_path: Path) -> None:
    tree: dict[str, Any] = shapes.tree(shapes.words())
    tree["model"]["vocab"]["bread"] = tree["model"]["vocab"]["<|end|>"]
    plain = load_plain(write(tmp_path, tree), "m")
    assert len(Encoder(plain, "m")(["the baker"])[0]) == 3
    with pytest.raises(BadInputError, match=r"gives text the id 2 of a control token \('the bread"):
        Encoder(plain, "m")(["the bread"])


def test_no_end_token_is_refused_by_name(tmp_path: Path) -> None:
    plain = load_plain(write(tmp_path, shapes.byte_level(), eos_token=None), "m")
    with pytest.raises(BadInputError, match=r"sets no end token \(eos_token\)"):
        Encoder(plain, "m")(["a"])
