"""What embeddings and heads are called, whether they are one, and models that differ in it."""

import json
from pathlib import Path

import numpy as np
import pytest

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.heads import TIED_WHEN_ABSENT, embedding_and_head, is_tied
from tests.jobs.fit.published import LLAMA_3, PUBLISHED, QWEN_3, Config
from tests.jobs.merge.models import EMBEDDING, HEAD, ROLES, exact, merge, put, tensors, values


@pytest.mark.parametrize(
    ("config", "tied"),
    [
        (LLAMA_3, False), (QWEN_3, True), ({"model_type": "llama"}, False),
        ({"model_type": "gemma"}, True), ({"model_type": "qwen2"}, False),
        ({"model_type": "phi3"}, False), ({"model_type": "gpt2"}, True),
        ({"model_type": "opt", "tie_word_embeddings": None}, True),
        ({"tie_word_embeddings": True}, True),
    ],
)  # fmt: skip
def test_whether_the_head_is_the_embedding(config: Config, tied: bool) -> None:
    assert is_tied(config) is tied


def test_the_defaults_are_those_of_transformers() -> None:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    for tied, families in TIED_WHEN_ABSENT.items():
        for family in families:
            assert CONFIG_MAPPING[family]().tie_word_embeddings is tied, family


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "newest"}, "model_type 'newest' lacks tie_word_embeddings; set it"),
        ({}, "model_type None lacks tie_word_embeddings"),
        ({"model_type": "llama", "tie_word_embeddings": "no"}, "tie_word_embeddings 'no'; set it"),
    ],
)
def test_unknown_tying_is_refused(config: Config, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        is_tied(config)


@pytest.mark.parametrize("name", ["Llama 3", "Qwen 3", "Gemma", "Phi-3", "Pythia", "GPT-2", "OPT"])
def test_embedding_and_head_are_found(name: str, tmp_path: Path) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    (tmp_path / "config.json").write_text(json.dumps(PUBLISHED[name]))
    config = AutoConfig.from_pretrained(tmp_path)
    config.num_hidden_layers = 1
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    names = {id(tensor): name for name, tensor in model.named_parameters(remove_duplicate=False)}
    embedding, head = embedding_and_head(set(dict(model.named_parameters())))
    assert embedding is not None
    assert model.get_parameter(embedding) is model.get_input_embeddings().weight
    if is_tied(PUBLISHED[name]):
        assert head is None
        assert len(names) > 1
    else:
        assert head is not None
        assert model.get_parameter(head) is model.get_output_embeddings().weight


def test_unknown_names_are_no_embedding() -> None:
    assert embedding_and_head(["a", "b"]) == (None, None)
    assert embedding_and_head(["wte.weight", "lm_head.weight"]) == ("wte.weight", "lm_head.weight")


@pytest.mark.parametrize("untied", [("onto",), ("base", "instruct"), ("instruct",)])
def test_tied_and_untied_heads_are_resolved_where_values_agree(
    tmp_path: Path, untied: tuple[str, ...]
) -> None:
    store = str(tmp_path)
    three = dict(zip(ROLES, (tensors(seed) for seed in range(3)), strict=True))
    for role, content in three.items():
        content[HEAD] = content[EMBEDDING]
        if role not in untied:
            del content[HEAD]
        put(f"{store}/{role}", content, config={"tie_word_embeddings": role not in untied})
    assert merge(store) == ""
    merged = Artifact.open(f"{store}/out")
    found = values(merged)
    assert (HEAD in found) == ("onto" in untied)
    expected = exact(*(three[role][EMBEDDING] for role in ("onto", "base", "instruct")))
    np.testing.assert_array_equal(found[EMBEDDING], expected)
    np.testing.assert_array_equal(found.get(HEAD, expected), expected)
    assert merged.read_json("config.json")["tie_word_embeddings"] == ("onto" not in untied)
    assert "lm_head.weight equals" in merged.statistics["tied"]


def test_untied_heads_that_differ_are_refused_beside_tied_ones(tmp_path: Path) -> None:
    store = str(tmp_path)
    for seed, role in enumerate(ROLES):
        content = tensors(seed, **({} if role == "onto" else {"lm_head__weight": None}))
        put(f"{store}/{role}", content, config={"tie_word_embeddings": role != "onto"})
    assert "lm_head.weight to model.embed_tokens.weight, but the two differ in --onto" in merge(
        store
    )
