"""Which configs are of one architecture, whichever version of transformers wrote them."""

import itertools
from pathlib import Path

import pytest

from jobs.errors import BadInputError
from jobs.fit.configuration import check_configs
from jobs.fit.normal_config import normal_form
from jobs.kinds.heads import TIED_WHEN_ABSENT
from tests.jobs.fit.published import (
    GEMMA_2,
    GEMMA_3,
    LLAMA_3,
    LLAMA_3_1,
    MISTRAL,
    OPT,
    PHI_3,
    PUBLISHED,
    PYTHIA,
    QWEN_2,
    Config,
    as_version_5,
)


def differences(base: Config, onto: Config) -> list[str]:
    """Names of the fields that differ."""
    names = [*base, *onto, "layer_types", "rope_scaling", "rope_theta", "partial_rotary_factor"]
    allowed = [name for name in names if name != "rope_parameters"]
    return list(check_configs({"base": base, "onto": onto}, allowed))


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_version_of_transformers_makes_no_difference(name: str, tmp_path: Path) -> None:
    old = PUBLISHED[name]
    new = as_version_5(old, tmp_path)
    assert new != old
    assert check_configs({"base": old, "instruct": old, "onto": new}, ()) == {}


@pytest.mark.parametrize("version", [4, 5])
def test_llama_3_and_its_sibling_differ_in_two_fields(version: int, tmp_path: Path) -> None:
    sibling = LLAMA_3_1 if version == 4 else as_version_5(LLAMA_3_1, tmp_path)
    configs = {"base": LLAMA_3, "instruct": LLAMA_3, "onto": sibling}
    with pytest.raises(BadInputError) as caught:
        check_configs(configs, ())
    assert str(caught.value) == (
        "the models' config.json differ: max_position_embeddings is 8192 in --base, 8192 in "
        "--instruct, 131072 in --onto; rope_scaling is absent in --base, absent in --instruct, "
        '{"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": … in --onto; between '
        "versions of one architecture this is harmless; allow it: merge: {allow_config: "
        "[max_position_embeddings, rope_scaling]} in the fleet file (--allow-config "
        "max_position_embeddings,rope_scaling)"
    )
    with pytest.raises(BadInputError, match="differ: max_position_embeddings is 8192 in --base"):
        check_configs(configs, ["rope_scaling"])
    allowed = check_configs(configs, ["rope_scaling", "max_position_embeddings", "rope_theta"])
    assert list(allowed) == ["max_position_embeddings", "rope_scaling"]
    assert allowed["max_position_embeddings"] == [
        "8192 in --base", "8192 in --instruct", "131072 in --onto",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("base", "changes", "field"),
    [
        (LLAMA_3, {"rope_theta": 10000.0}, "rope_theta"),
        (LLAMA_3, {"num_attention_heads": 16}, "num_attention_heads"),
        (LLAMA_3, {"num_key_value_heads": 32}, "num_key_value_heads"),
        (LLAMA_3, {"head_dim": 64}, "head_dim"),
        (LLAMA_3, {"rms_norm_eps": 1e-06}, "rms_norm_eps"),
        (LLAMA_3, {"hidden_act": "gelu"}, "hidden_act"),
        (LLAMA_3, {"hidden_size": 2048}, "hidden_size"),
        (LLAMA_3, {"num_hidden_layers": 16}, "num_hidden_layers"),
        (LLAMA_3, {"attention_bias": True}, "attention_bias"),
        (LLAMA_3, {"architectures": ["LlamaModel"]}, "architectures"),
        (LLAMA_3, {"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        (LLAMA_3, {"a_new_field": 3}, "a_new_field"),
        (LLAMA_3, {"rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}}, "rope_theta"),
        (LLAMA_3_1, {"rope_scaling": LLAMA_3_1["rope_scaling"] | {"factor": 32.0}}, "rope_scaling"),
        (MISTRAL, {"sliding_window": None}, "sliding_window"),
        (QWEN_2, {"use_sliding_window": True, "max_window_layers": 14}, "layer_types"),
        (QWEN_2, {"layer_types": ["linear_attention"] * 28}, "layer_types"),
        (GEMMA_2, {"final_logit_softcapping": None}, "final_logit_softcapping"),
        (GEMMA_3, {"sliding_window_pattern": 5}, "layer_types"),
        (GEMMA_3, {"rope_local_base_freq": 20000}, "rope_theta"),
        (PYTHIA, {"rotary_pct": 1.0}, "partial_rotary_factor"),
        (PYTHIA, {"use_parallel_residual": False}, "use_parallel_residual"),
        (OPT, {"_remove_final_layer_norm": True}, "_remove_final_layer_norm"),
    ],
)
def test_a_difference_in_architecture_is_found(base: Config, changes: Config, field: str) -> None:
    onto = base | changes
    with pytest.raises(BadInputError, match=rf"[ ;:]{field} is "):
        check_configs({"base": base, "instruct": base, "onto": onto}, ())
    assert field in differences(base, onto)


def test_an_absent_field_means_what_transformers_takes() -> None:
    old = {name: value for name, value in PYTHIA.items() if name != "use_parallel_residual"}
    assert differences(PYTHIA, old) == []
    assert differences(PYTHIA | {"use_parallel_residual": False}, old) == ["use_parallel_residual"]
    windowed = {name: value for name, value in MISTRAL.items() if name != "sliding_window"}
    assert differences(MISTRAL, windowed) == []
    without = LLAMA_3 | {"num_key_value_heads": 32}
    del without["num_key_value_heads"]
    assert differences(without, LLAMA_3 | {"num_key_value_heads": 32}) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"vocab_size": 1, "tie_word_embeddings": True},
        {"bos_token_id": 7, "eos_token_id": [7, 8], "pad_token_id": 9},
        {"attention_dropout": 0.3, "initializer_range": 0.5},
        {"torch_dtype": None, "dtype": "float32"},
        {"use_cache": False, "output_hidden_states": True, "_attn_implementation": "eager"},
        {"temperature": 0.6, "max_length": 4096, "do_sample": True},
        {"auto_map": {"AutoModel": "code.Model"}, "_name_or_path": "/elsewhere"},
        {"id2label": {"0": "A"}, "transformers_version": "5.23.0", "mlp_bias": None},
    ],
)
def test_what_is_no_architecture_may_differ(changes: Config) -> None:
    assert check_configs({"residual": LLAMA_3, "onto": LLAMA_3 | changes}, ()) == {}


def test_both_names_of_a_rope_type_are_one() -> None:
    old = PHI_3 | {"rope_scaling": {**PHI_3["rope_scaling"], "type": "su"}}
    assert differences(PHI_3, old) == []


@pytest.mark.parametrize("family", sorted(itertools.chain(*TIED_WHEN_ABSENT.values())))
def test_false_is_not_absent_where_the_default_is_true(family: str) -> None:
    from transformers import CONFIG_MAPPING

    config = {**CONFIG_MAPPING[family]().to_dict(), "model_type": family}
    for field, value in config.items():
        if value is True and normal_form("base", {"model_type": family, field: True}).get(field):
            absent = {name: other for name, other in config.items() if name != field}
            assert normal_form("base", {**config, field: False}) != normal_form("base", absent)
