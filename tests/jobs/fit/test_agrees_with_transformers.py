"""The normal form beside transformers' own classes: which configs of the paper's families mean the
same, and which differ. Facts of the models: their published config.json.
"""

from copy import deepcopy
from typing import Any

import pytest

from jobs.fit.normal_config import normal_form
from tests.jobs.fit.published import LLAMA_3, LLAMA_3_1, QWEN_2, Config

LEFT_OUT: Any = object()


def qwen(
    hidden: int, intermediate: int, layers: int, heads: int, key_values: int, context: int
) -> Config:
    """A base model of Qwen 2 or 2.5. All have a window as long as the context, and none uses it."""
    return QWEN_2 | {
        "hidden_size": hidden, "intermediate_size": intermediate, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": key_values,
        "max_position_embeddings": context, "sliding_window": context, "max_window_layers": layers,
    }  # fmt: skip


SHORT = {"max_position_embeddings": 32768}
# The base model, what its instruct twin says otherwise, and whether the two mean the same.
FAMILIES: dict[str, tuple[Config, Config, bool]] = {
    "Llama 3 8B": (LLAMA_3, {"eos_token_id": 128009}, True),
    "Llama 3.1 8B": (LLAMA_3_1, {"eos_token_id": [128001, 128008, 128009]}, True),
    "Qwen 2 0.5B": (
        qwen(896, 4864, 24, 14, 2, 131072), SHORT | {"sliding_window": 32768}, False),
    "Qwen 2 1.5B": (
        qwen(1536, 8960, 28, 12, 2, 131072), SHORT | {"sliding_window": 32768}, False),
    "Qwen 2 7B": (qwen(3584, 18944, 28, 28, 4, 131072), SHORT, False),
    "Qwen 2.5 0.5B": (qwen(896, 4864, 24, 14, 2, 32768), {"max_window_layers": 21}, True),
    "Qwen 2.5 1.5B": (
        qwen(1536, 8960, 28, 12, 2, 131072),
        SHORT | {"sliding_window": 32768, "max_window_layers": 21}, False),
    "Qwen 2.5 7B": (qwen(3584, 18944, 28, 28, 4, 131072), SHORT, False),
}  # fmt: skip

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
# What is changed, and whether the config still means the same.
OF_ANY: dict[str, tuple[Config, bool]] = {
    "dtype by its old name": ({"torch_dtype": LEFT_OUT, "dtype": "bfloat16"}, True),
    "another dtype": ({"torch_dtype": "float32"}, True),
    "tokens": ({"bos_token_id": 3, "pad_token_id": 5}, True),
    "use_cache": ({"use_cache": False}, True),
    "dropout": ({"attention_dropout": 0.1, "initializer_range": 0.5}, True),
    "who wrote it": ({"transformers_version": "5.23.0", "_name_or_path": "here"}, True),
    "code": ({"auto_map": {"AutoConfig": "elsewhere.Config"}}, True),
    "not tied, written": ({"tie_word_embeddings": False}, True),
    "no scaling, twice": ({"rope_parameters": None}, True),
    "theta": ({"rope_theta": 10_000.0}, False),
    "theta left out": ({"rope_theta": LEFT_OUT}, False),
    "scaling": ({"rope_scaling": YARN}, False),
    "part of a head turned": ({"partial_rotary_factor": 0.5}, False),
    "layers": ({"num_hidden_layers": 20}, False),
    "width": ({"hidden_size": 1792}, False),
    "inner width": ({"intermediate_size": 1024}, False),
    "heads": ({"num_attention_heads": 4}, False),
    "key and value heads": ({"num_key_value_heads": 1}, False),
    "key and value heads left out": ({"num_key_value_heads": LEFT_OUT}, False),
    "activation": ({"hidden_act": "gelu"}, False),
    "epsilon": ({"rms_norm_eps": 1e-4}, False),
    "context": ({"max_position_embeddings": 4096}, False),
    "another class": ({"architectures": ["OtherForCausalLM"]}, False),
    "a field that nobody knows": ({"a_new_field": 3}, False),
}
OF_LLAMA: dict[str, tuple[Config, bool]] = {
    "defaults left out": ({"attention_bias": LEFT_OUT, "pretraining_tp": LEFT_OUT}, True),
    "defaults written": ({"mlp_bias": False, "head_dim": 128}, True),
    "biases of attention": ({"attention_bias": True}, False),
    "biases of the MLP": ({"mlp_bias": True}, False),
    "wider heads": ({"head_dim": 256}, False),
    "slices": ({"pretraining_tp": 2}, False),
}
OF_QWEN: dict[str, tuple[Config, bool]] = {
    "defaults left out": ({"use_sliding_window": LEFT_OUT}, True),
    "scaling null": ({"rope_scaling": None}, True),
    "a window that is not used": ({"sliding_window": 4096}, True),
    "a window left out": ({"sliding_window": LEFT_OUT}, True),
    "a window for some layers": ({"use_sliding_window": True, "max_window_layers": 20}, False),
    "a window for no layer": ({"use_sliding_window": True}, False),
}
# Of transformers' fields these are no matter of architecture. max_window_layers acts through
# layer_types alone.
NOT_COMPARED = {
    "dtype", "bos_token_id", "eos_token_id", "pad_token_id", "use_cache", "attention_dropout",
    "initializer_range", "transformers_version", "_name_or_path", "auto_map", "vocab_size",
    "tie_word_embeddings", "max_window_layers",
}  # fmt: skip


def changed(config: Config, changes: Config) -> Config:
    both = {**config, **changes}
    return {field: value for field, value in both.items() if value is not LEFT_OUT}


def version_5(config: Config, **rope: Any) -> Config:
    """The same in the words of version 5, but for `rope`."""
    scaling = config.get("rope_scaling") or {"rope_type": "default"}
    theirs = {"rope_theta": config["rope_theta"], **scaling, **rope}
    old = dict.fromkeys(("rope_theta", "rope_scaling", "torch_dtype"), LEFT_OUT)
    return changed(config, {**old, "rope_parameters": theirs, "dtype": "bfloat16"})


def by_transformers(config: Config) -> Config:
    from transformers import CONFIG_MAPPING

    own = deepcopy(config)  # from_dict writes into what it is given
    fields = CONFIG_MAPPING[config["model_type"]].from_dict(own).to_dict()
    fields["rope_parameters"].pop("type", None)  # the old name, left beside rope_type
    return {field: value for field, value in fields.items() if field not in NOT_COMPARED}


def beside(family: str) -> dict[str, tuple[Config, bool]]:
    """Configs beside that of the family's base, and whether they mean the same."""
    base, instruct, twins = FAMILIES[family]
    of_type = OF_LLAMA if base["model_type"] == "llama" else OF_QWEN
    table = {name: (changed(base, by), same) for name, (by, same) in (OF_ANY | of_type).items()}
    table |= {
        "instruct": (changed(base, instruct), twins),
        "version 5": (version_5(base), True),
        "version 5, theta": (version_5(base, rope_theta=20_000.0), False),
        "version 5, scaling": (version_5(base, **YARN), False),
        "version 5, part of a head turned": (version_5(base, partial_rotary_factor=0.5), False),
    }
    if base is LLAMA_3_1:
        named = dict(base["rope_scaling"])
        named["type"] = named.pop("rope_type")
        table["rope_type by its old name"] = (base | {"rope_scaling": named}, True)
        table["factor"] = (version_5(base, factor=32.0), False)
        table["original"] = (version_5(base, original_max_position_embeddings=4096), False)
    if base["model_type"] == "qwen2":
        types = ["full_attention"] * base["num_hidden_layers"]
        table["full attention, written"] = (base | {"layer_types": types}, True)
        windowed = {"layer_types": [*types[1:], "sliding_attention"], "use_sliding_window": True}
        table["full attention but once"] = (base | windowed, False)
    return table


@pytest.mark.parametrize("family", FAMILIES)
def test_both_tell_what_means_the_same_from_what_differs(family: str) -> None:
    base, table = FAMILIES[family][0], beside(family)
    ours, theirs = normal_form("base", base), by_transformers(base)
    found = {
        name: (normal_form("onto", config) == ours, by_transformers(config) == theirs)
        for name, (config, _) in table.items()
    }
    assert found == {name: (same, same) for name, (_, same) in table.items()}
