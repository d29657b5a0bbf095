"""Which configs are of one architecture, whoever wrote them, and what the candidate's holds."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import BadInputError
from jobs.merge.fit.configuration import (
    _TIED_WHEN_ABSENT,
    check_configs,
    embedding_and_head,
    is_tied,
    merged_config,
)
from jobs.merge.fit.normal_config import normal_form

Config = dict[str, Any]

# Configs as transformers 4 wrote them for published models.
LLAMA_3: Config = {
    "_name_or_path": "somewhere", "architectures": ["LlamaForCausalLM"], "attention_bias": False,
    "attention_dropout": 0.0, "bos_token_id": 128000, "eos_token_id": 128001,
    "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02,
    "intermediate_size": 14336, "max_position_embeddings": 8192, "model_type": "llama",
    "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
    "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 500000.0,
    "tie_word_embeddings": False, "torch_dtype": "bfloat16", "transformers_version": "4.40.0",
    "use_cache": True, "vocab_size": 128256,
}  # fmt: skip
LLAMA_3_1: Config = LLAMA_3 | {
    "max_position_embeddings": 131072, "mlp_bias": False, "transformers_version": "4.43.0",
    "rope_scaling": {
        "factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
        "original_max_position_embeddings": 8192, "rope_type": "llama3",
    },
}  # fmt: skip
QWEN_2: Config = {
    "architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643,
    "eos_token_id": 151643, "hidden_act": "silu", "hidden_size": 3584, "initializer_range": 0.02,
    "intermediate_size": 18944, "max_position_embeddings": 131072, "max_window_layers": 28,
    "model_type": "qwen2", "num_attention_heads": 28, "num_hidden_layers": 28,
    "num_key_value_heads": 4, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
    "sliding_window": 131072, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    "transformers_version": "4.37.2", "use_cache": True, "use_sliding_window": False,
    "vocab_size": 152064,
}  # fmt: skip
MISTRAL: Config = {
    "architectures": ["MistralForCausalLM"], "bos_token_id": 1, "eos_token_id": 2,
    "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02,
    "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mistral",
    "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 4096,
    "tie_word_embeddings": False, "torch_dtype": "bfloat16", "vocab_size": 32000,
}  # fmt: skip
GEMMA: Config = {
    "architectures": ["GemmaForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
    "bos_token_id": 2, "eos_token_id": 1, "head_dim": 256, "hidden_act": "gelu",
    "hidden_activation": None, "hidden_size": 2048, "initializer_range": 0.02,
    "intermediate_size": 16384, "max_position_embeddings": 8192, "model_type": "gemma",
    "num_attention_heads": 8, "num_hidden_layers": 18, "num_key_value_heads": 1,
    "pad_token_id": 0, "rms_norm_eps": 1e-06, "rope_scaling": None, "rope_theta": 10000.0,
    "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": 256000,
}  # fmt: skip
GEMMA_2: Config = GEMMA | {
    "architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2",
    "cache_implementation": "hybrid",
    "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "hidden_size": 2304,
    "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh",
    "intermediate_size": 9216, "num_hidden_layers": 26, "num_key_value_heads": 4,
    "query_pre_attn_scalar": 256, "sliding_window": 4096,
}  # fmt: skip
GEMMA_3: Config = {
    "architectures": ["Gemma3ForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
    "attn_logit_softcapping": None, "bos_token_id": 2, "cache_implementation": "hybrid",
    "eos_token_id": [1, 106], "final_logit_softcapping": None, "head_dim": 256,
    "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152, "initializer_range": 0.02,
    "intermediate_size": 6912, "max_position_embeddings": 32768, "model_type": "gemma3_text",
    "num_attention_heads": 4, "num_hidden_layers": 26, "num_key_value_heads": 1,
    "pad_token_id": 0, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06,
    "rope_local_base_freq": 10000, "rope_scaling": None, "rope_theta": 1000000,
    "sliding_window": 512, "sliding_window_pattern": 6, "torch_dtype": "bfloat16",
    "use_cache": True, "vocab_size": 262144,
}  # fmt: skip
PHI_3: Config = {
    "architectures": ["Phi3ForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
    "auto_map": {"AutoConfig": "configuration_phi3.Phi3Config"}, "bos_token_id": 1,
    "embd_pdrop": 0.0, "eos_token_id": 32000, "hidden_act": "silu", "hidden_size": 3072,
    "initializer_range": 0.02, "intermediate_size": 8192, "max_position_embeddings": 131072,
    "model_type": "phi3", "num_attention_heads": 32, "num_hidden_layers": 32,
    "num_key_value_heads": 32, "original_max_position_embeddings": 4096, "pad_token_id": 32000,
    "resid_pdrop": 0.0, "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 262144,
    "rope_scaling": {"long_factor": [1.5] * 48, "short_factor": [1.1] * 48, "type": "longrope"},
    "tie_word_embeddings": False, "torch_dtype": "bfloat16", "use_cache": True,
    "vocab_size": 32064,
}  # fmt: skip
PYTHIA: Config = {
    "architectures": ["GPTNeoXForCausalLM"], "bos_token_id": 0, "eos_token_id": 0,
    "hidden_act": "gelu", "hidden_size": 768, "initializer_range": 0.02,
    "intermediate_size": 3072, "layer_norm_eps": 1e-05, "max_position_embeddings": 2048,
    "model_type": "gpt_neox", "num_attention_heads": 12, "num_hidden_layers": 12,
    "rotary_emb_base": 10000, "rotary_pct": 0.25, "tie_word_embeddings": False,
    "torch_dtype": "float16", "use_cache": True, "use_parallel_residual": True,
    "vocab_size": 50304,
}  # fmt: skip
GPT_2: Config = {
    "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1,
    "bos_token_id": 50256, "embd_pdrop": 0.1, "eos_token_id": 50256, "initializer_range": 0.02,
    "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768,
    "n_head": 12, "n_layer": 12, "n_positions": 1024, "resid_pdrop": 0.1,
    "summary_activation": None, "summary_first_dropout": 0.1, "summary_proj_to_labels": True,
    "summary_type": "cls_index", "summary_use_proj": True, "vocab_size": 50257,
    "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
}  # fmt: skip
OPT: Config = {
    "activation_dropout": 0.0, "activation_function": "relu", "architectures": ["OPTForCausalLM"],
    "attention_dropout": 0.0, "bos_token_id": 2, "do_layer_norm_before": True, "dropout": 0.1,
    "eos_token_id": 2, "ffn_dim": 3072, "hidden_size": 768, "init_std": 0.02, "layerdrop": 0.0,
    "max_position_embeddings": 2048, "model_type": "opt", "num_attention_heads": 12,
    "num_hidden_layers": 12, "pad_token_id": 1, "prefix": "</s>", "torch_dtype": "float16",
    "use_cache": True, "vocab_size": 50272, "word_embed_proj_dim": 768,
}  # fmt: skip
QWEN_3: Config = QWEN_2 | {
    "architectures": ["Qwen3ForCausalLM"], "attention_bias": False, "head_dim": 128,
    "hidden_size": 1024, "intermediate_size": 3072, "max_position_embeddings": 40960,
    "model_type": "qwen3", "num_attention_heads": 16, "num_key_value_heads": 8,
    "rope_scaling": None, "sliding_window": None, "tie_word_embeddings": True,
}  # fmt: skip
PUBLISHED = {
    "Llama 3": LLAMA_3, "Llama 3.1": LLAMA_3_1, "Qwen 2": QWEN_2, "Qwen 3": QWEN_3,
    "Qwen 2 with windows": QWEN_2 | {"use_sliding_window": True, "max_window_layers": 21},
    "Mistral": MISTRAL, "Mistral without a window": MISTRAL | {"sliding_window": None},
    "Gemma": GEMMA, "Gemma 2": GEMMA_2, "Gemma 3": GEMMA_3, "Phi-3": PHI_3, "Pythia": PYTHIA,
    "GPT-2": GPT_2, "OPT": OPT,
}  # fmt: skip


def as_version_5(config: Config, scratch: Path) -> Config:
    """The same config, read and saved again by the installed transformers."""
    from transformers import AutoConfig

    old, new = scratch / "old", scratch / "new"
    old.mkdir()
    (old / "config.json").write_text(json.dumps(config))
    AutoConfig.from_pretrained(old).save_pretrained(new)
    loaded: Config = json.loads((new / "config.json").read_text())
    assert loaded["transformers_version"].startswith("5.")
    return loaded


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
        '{"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": … in --onto; merge models '
        "of one architecture, or, where a difference is harmless between these siblings, name "
        "it: --allow-config max_position_embeddings,rope_scaling"
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


def test_long_values_are_shown_where_they_differ() -> None:
    scaling = PHI_3["rope_scaling"] | {"short_factor": [1.1] * 47 + [2.5]}
    with pytest.raises(BadInputError) as caught:
        check_configs({"base": PHI_3, "onto": PHI_3 | {"rope_scaling": scaling}}, ())
    message = str(caught.value)
    assert "1.1, 1.1, 1.1, 1.1]} in --base" in message.replace("…", "")
    assert "1.1, 1.1, 1.1, 2.5]} in --onto" in message.replace("…", "")
    assert len(message) < 500


@pytest.mark.parametrize(
    ("allowed", "said"),
    [
        ("rope_scalling", "no config.json has that field; did you mean rope_scaling?"),
        ("something", "no config.json has that field; name a field that differs"),
        ("rope_parameters", "compared as rope_theta, rope_scaling, partial_rotary_factor"),
    ],
)
def test_an_allowance_that_names_nothing_is_refused(allowed: str, said: str) -> None:
    with pytest.raises(BadInputError, match=rf"--allow-config {allowed}: .*{said}"):
        check_configs({"base": LLAMA_3, "onto": LLAMA_3}, [allowed])


def test_the_allowances_of_a_fleet_serve_families_without_the_field() -> None:
    assert check_configs({"base": GPT_2, "onto": GPT_2}, ["rope_scaling", "sliding_window"]) == {}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (["a list"], "config.json of --onto is not an object"),
        (None, "config.json of --onto is not an object"),
        (LLAMA_3 | {"quantization_config": {"bits": 4}}, "quantised model cannot be added to"),
        (LLAMA_3 | {"text_config": {"hidden_size": 8}}, "several modalities is not supported"),
        (LLAMA_3 | {"rope_scaling": "dynamic"}, "rope settings that are no object: 'dynamic'"),
        (LLAMA_3 | {"rope_parameters": [1]}, "rope settings that are no object"),
    ],
)
def test_configs_that_are_not_supported_are_refused(config: Any, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        check_configs({"base": LLAMA_3, "onto": config}, ())


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": ["llama"], "num_hidden_layers": "many"},
        {"num_hidden_layers": 10**15, "sliding_window_pattern": 0},
        {"num_attention_heads": 0, "hidden_size": None},
        {"layer_types": "all", "sliding_window_pattern": 1.5},
        {"rope_parameters": {"full_attention": {}, "sliding_attention": None}},
        {"rope_scaling": {"rope_type": None, "factor": {}}},
        {"rope_scaling": {"rope_type": ["llama3"]}, "max_position_embeddings": "long"},
        {"use_sliding_window": "yes", "sliding_window": [], "max_window_layers": {}},
    ],
)
def test_values_of_wrong_types_are_differences_not_crashes(changes: Config) -> None:
    with pytest.raises(BadInputError, match="json differ"):
        check_configs({"base": LLAMA_3, "onto": LLAMA_3 | changes}, ())


def test_the_candidate_takes_what_concerns_chat_from_instruct() -> None:
    onto = LLAMA_3_1 | {"use_cache": False, "max_length": 20, "auto_map": {"AutoModel": "x.Y"}}
    instruct = LLAMA_3 | {
        "eos_token_id": [128001, 128009], "pad_token_id": 128004, "temperature": 0.6,
        "torch_dtype": "float32",
    }  # fmt: skip
    merged = merged_config(onto, instruct, None)
    expected = LLAMA_3_1 | {
        "eos_token_id": [128001, 128009], "pad_token_id": 128004, "temperature": 0.6,
    }  # fmt: skip
    del expected["_name_or_path"]
    assert merged == expected
    assert list(merged) == [*(n for n in LLAMA_3_1 if n in merged), "pad_token_id", "temperature"]
    assert onto["use_cache"] is False
    assert merged_config(onto, instruct, 128264) == expected | {"vocab_size": 128264}


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

    from jobs.merge.fit.configuration import _TIED_WHEN_ABSENT

    for tied, families in _TIED_WHEN_ABSENT.items():
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


@pytest.mark.parametrize("family", sorted(itertools.chain(*_TIED_WHEN_ABSENT.values())))
def test_false_is_not_absent_where_the_default_is_true(family: str) -> None:
    from transformers import CONFIG_MAPPING

    config = {**CONFIG_MAPPING[family]().to_dict(), "model_type": family}
    for field, value in config.items():
        if value is True and normal_form("base", {"model_type": family, field: True}).get(field):
            absent = {name: other for name, other in config.items() if name != field}
            assert normal_form("base", {**config, field: False}) != normal_form("base", absent)
