"""One form for the ``config.json`` of a model, whichever version of transformers wrote it. Pure.

Version 4 writes rope_theta and rope_scaling, version 5 rope_parameters; version 5 adds fields
that 4 left out (head_dim, layer_types, attention_bias, …). Equal models have equal forms.

Every field is part of the form but these:

    field                                     why it is no matter of architecture
    ----------------------------------------  ------------------------------------------------
    vocab_size, tie_word_embeddings           each has a check of its own, by the tensors
    *_token_id, generation settings           concern chat: the instruct model's are taken
    *dropout, *_pdrop, layerdrop,             act in training only
      initializer_range, init_std
    dtype, torch_dtype                        the tensors' own types are checked
    use_cache, output_*, return_dict, …       how a model is run; the values are the same
    id2label, num_labels, summary_*, …        heads of classifiers, which these models lack
    transformers_version, _name_or_path, …    who wrote the file
    rope_parameters, sliding_window_pattern,  other names of what the form has as `ROPE_FIELDS`
      and what else versions disagree in      and layer_types
    auto_map                                  names code; none is stored or run, and a model whose
                                              type transformers knows does not need it

Not transformers' own classes, though for the paper's families they say the same (a test holds
it). They would add 174 MB to the 351 MB of merge's packages and 1.3 s to its start, refuse types
they do not know and fields that are null, and build lists as long as num_hidden_layers says (ten
million: 44 s). They also tell Qwen 2.5's instruct models from their bases by max_window_layers,
which does nothing where no window is used.
"""

from collections.abc import Mapping
from typing import Any

from jobs.errors import BadInputError
from jobs.words import shown

Config = Mapping[str, Any]

TOKEN_IDS = frozenset({
    "bos_token_id", "cls_token_id", "decoder_start_token_id", "eos_token_id",
    "forced_bos_token_id", "forced_eos_token_id", "mask_token_id", "pad_token_id",
    "sep_token_id", "unk_token_id",
})  # fmt: skip
GENERATION_FIELDS = frozenset({
    "bad_words_ids", "begin_suppress_tokens", "diversity_penalty", "do_sample",
    "early_stopping", "encoder_no_repeat_ngram_size", "epsilon_cutoff", "eta_cutoff",
    "exponential_decay_length_penalty", "length_penalty", "max_length", "max_new_tokens",
    "min_length", "no_repeat_ngram_size", "num_beam_groups", "num_beams",
    "num_return_sequences", "output_scores", "prefix", "remove_invalid_values",
    "repetition_penalty", "return_dict_in_generate", "suppress_tokens", "temperature",
    "top_k", "top_p", "typical_p",
})  # fmt: skip
_NOT_ARCHITECTURE = TOKEN_IDS | GENERATION_FIELDS | {
    "vocab_size", "tie_word_embeddings", "initializer_range", "init_std", "layerdrop",
    "dtype", "torch_dtype", "use_cache", "output_attentions", "output_hidden_states",
    "return_dict", "torchscript", "attn_implementation", "_attn_implementation",
    "_attn_implementation_autoset", "gradient_checkpointing", "id2label", "label2id",
    "num_labels", "_num_labels", "problem_type", "finetuning_task", "task_specific_params",
    "transformers_version", "_name_or_path", "name_or_path", "_commit_hash", "auto_map",
    "rope_parameters", "rope_local_base_freq", "rotary_emb_base", "rotary_pct",
    "original_max_position_embeddings", "sliding_window_pattern", "_sliding_window_pattern",
}  # fmt: skip
_NOT_ARCHITECTURE_ENDS = ("dropout", "_pdrop")
_NOT_ARCHITECTURE_STARTS = ("summary_",)

_GEMMA_ACTIVATION = "gelu_pytorch_tanh"

# Fields that older versions left out, with what transformers then takes, by model_type; all
# others: no value.
_WHEN_ABSENT: dict[str, dict[str, Any]] = {
    "cohere": {"rope_theta": 500_000},
    "deepseek_v3": {"norm_topk_prob": True, "rope_interleave": True},
    "falcon": {"multi_query": True, "parallel_attn": True},
    "glm": {"attention_bias": True},
    "glm4": {"attention_bias": True},
    "gpt_bigcode": {
        "attention_softmax_in_fp32": True, "multi_query": True, "scale_attn_weights": True,
        "scale_attention_softmax_in_fp32": True,
    },
    "mpt": {"learned_pos_emb": True, "no_bias": True},
    "starcoder2": {"use_bias": True},
    "gemma": {"hidden_act": _GEMMA_ACTIVATION},
    "gemma2": {"sliding_window_pattern": 2},
    "gemma3_text": {
        "rope_theta": 1_000_000, "rope_local_base_freq": 10_000, "sliding_window_pattern": 6,
    },
    "gpt2": {"scale_attn_weights": True},
    "gpt_neox": {"attention_bias": True, "use_parallel_residual": True, "rotary_pct": 0.25},
    "mistral": {"sliding_window": 4096},
    "opt": {
        "do_layer_norm_before": True, "enable_bias": True, "layer_norm_elementwise_affine": True,
    },
    "qwen2": {"use_sliding_window": False},
    "qwen2_moe": {"qkv_bias": True, "use_sliding_window": False},
    "qwen3": {"use_sliding_window": False},
    "qwen3_moe": {"use_sliding_window": False},
    "smollm3": {"rope_theta": 2_000_000},
}  # fmt: skip
_WHEN_ABSENT_ANYWHERE = {"rope_theta": 10_000, "partial_rotary_factor": 1, "pretraining_tp": 1}

ROPE_FIELDS = ("rope_theta", "rope_scaling", "partial_rotary_factor")
"""What the form holds of rope, whatever the fields of the file are called."""
_SCALED_FROM_ORIGINAL = ("llama3", "longrope", "yarn")
_MAX_LAYERS = 10_000


def normal_form(role: str, config: Config) -> dict[str, Any]:
    """The fields that make the architecture, in the one form that both versions come to.

    Rope settings become `ROPE_FIELDS`; what is derived from other fields, or is what
    transformers takes when the field is absent, is left out, as are empty values.
    """
    model_type = config.get("model_type")
    defaults = _WHEN_ABSENT.get(model_type, {}) if isinstance(model_type, str) else {}
    filled: dict[str, Any] = {**_WHEN_ABSENT_ANYWHERE, **defaults, **config}
    filled |= _rope(role, filled) | {"layer_types": _layer_types(filled)}
    _empty_derived(filled)
    return {
        field: value
        for field, value in filled.items()
        if value
        and _WHEN_ABSENT_ANYWHERE.get(field) != value
        and field not in _NOT_ARCHITECTURE
        and not field.endswith(_NOT_ARCHITECTURE_ENDS)
        and not field.startswith(_NOT_ARCHITECTURE_STARTS)
    }


def _empty_derived(filled: dict[str, Any]) -> None:
    """Empties what says no more than other fields do, in place."""
    heads, size, width = (
        filled.get(field) for field in ("num_attention_heads", "hidden_size", "head_dim")
    )
    if filled.get("num_key_value_heads") == heads:
        filled["num_key_value_heads"] = None
    if isinstance(heads, int) and isinstance(size, int) and heads > 0 and width == size // heads:
        filled["head_dim"] = None
    if filled.get("use_sliding_window") is False:
        filled["sliding_window"] = filled["max_window_layers"] = None
    if filled.get("model_type") == "gemma":
        # The first files say gelu and mean its approximation, which some name again.
        if filled["hidden_act"] == "gelu":
            filled["hidden_act"] = _GEMMA_ACTIVATION
        if filled.get("hidden_activation") == _GEMMA_ACTIVATION:
            filled["hidden_activation"] = None


def _rope(role: str, config: Config) -> dict[str, Any]:
    """`ROPE_FIELDS` of a config; by type of layer where they depend on it.

    Version 4: rope_theta, rope_scaling, partial_rotary_factor (GPT-NeoX: rotary_emb_base and
    rotary_pct; Gemma 3: rope_local_base_freq for its layers with a window). Version 5: all in
    rope_parameters, which may hold one such object per type of layer.
    """
    new, old = (_object(role, config.get(field)) for field in ("rope_parameters", "rope_scaling"))
    layers = {layer: rope for layer, rope in new.items() if isinstance(rope, Mapping)}
    if not layers and config.get("rope_local_base_freq"):
        local = {"rope_theta": config["rope_local_base_freq"]}
        layers = {"full_attention": old, "sliding_attention": local}
    if not layers:
        return _one_rope(config, {**old, **new})
    by_layer = {layer: _one_rope(config, layers[layer]) for layer in sorted(layers)}
    return {
        field: {layer: rope[field] for layer, rope in by_layer.items() if rope[field]}
        for field in ROPE_FIELDS
    }


def _object(role: str, rope: Any) -> Config:
    if rope is not None and not isinstance(rope, Mapping):
        raise BadInputError(
            f"config.json of --{role} has rope settings that are no object: {shown(rope)}"
        )
    return rope or {}


def _one_rope(config: Config, rope: Config) -> dict[str, Any]:
    """`ROPE_FIELDS` of one object of rope settings; `config` has what the object leaves out."""
    scaling = dict(rope)
    theta = scaling.pop("rope_theta", config.get("rotary_emb_base") or config["rope_theta"])
    of_config = config.get("rotary_pct") or config["partial_rotary_factor"]
    fraction = scaling.pop("partial_rotary_factor", of_config)
    old_name = scaling.pop("type", "default")
    rope_type = scaling.pop("rope_type", old_name)
    rope_type = "longrope" if rope_type == "su" else rope_type
    if rope_type in _SCALED_FROM_ORIGINAL:
        scaling["original_max_position_embeddings"] = (
            config.get("original_max_position_embeddings")
            or scaling.get("original_max_position_embeddings")
            or config.get("max_position_embeddings")
        )
    return {
        "rope_theta": theta,
        "rope_scaling": None if rope_type == "default" else {"rope_type": rope_type, **scaling},
        "partial_rotary_factor": None if fraction == 1 else fraction,
    }


def _layer_types(config: Config) -> Any:
    """Which layers see a window only; None where all see everything."""
    types, number = config.get("layer_types"), config.get("num_hidden_layers")
    if types is None and isinstance(number, int) and number < _MAX_LAYERS:
        windowed = [_has_window(config, layer) for layer in range(number)]
        types = ["sliding_attention" if window else "full_attention" for window in windowed]
    if isinstance(types, list) and all(type_ == "full_attention" for type_ in types):
        return None
    return types


def _has_window(config: Config, layer: int) -> bool:
    """Of a layer, counted from 0, where no layer_types say it."""
    pattern, first = config.get("sliding_window_pattern"), config.get("max_window_layers")
    if isinstance(pattern, int) and pattern > 0:
        return (layer + 1) % pattern != 0
    windows = bool(config.get("use_sliding_window") and config.get("sliding_window"))
    return windows and not (isinstance(first, int) and layer < first)
