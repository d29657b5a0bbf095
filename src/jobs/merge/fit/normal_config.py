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
    auto_map                                  names code; none is stored or run, and a model whose
                                              family transformers knows does not need it
"""

from collections.abc import Iterable, Mapping
from typing import Any

from jobs.errors import BadInputError

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
}  # fmt: skip
_NOT_ARCHITECTURE_ENDS = ("dropout", "_pdrop")
_NOT_ARCHITECTURE_STARTS = ("summary_",)

_GEMMA_ACTIVATION = "gelu_pytorch_tanh"

# Fields that older versions left out, with what transformers then takes; all others: no value.
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

# Fields of the form that a file may hold under other names, or not at all.
ROPE_FIELDS = ("rope_theta", "rope_scaling", "partial_rotary_factor")
_SCALED_FROM_ORIGINAL = ("llama3", "longrope", "yarn")
_MAX_LAYERS = 10_000


def normal_form(role: str, config: Config) -> dict[str, Any]:
    """The fields that make the architecture, in the one form that both versions come to.

    Rope settings become `ROPE_FIELDS`; what is derived from other fields, or is what
    transformers takes when the field is absent, is left out, as are empty values.
    """
    family = config.get("model_type")
    defaults = _WHEN_ABSENT.get(family, {}) if isinstance(family, str) else {}
    filled: dict[str, Any] = {**_WHEN_ABSENT_ANYWHERE, **defaults, **config}
    filled.update(_rope(role, filled))
    filled["layer_types"] = _layer_types(filled)
    if filled.get("use_sliding_window") is False:
        filled["sliding_window"] = filled["max_window_layers"] = None
    _leave_out_derived(filled)
    if family == "gemma":
        _name_gemmas_activation(filled)
    return {
        field: value
        for field, value in filled.items()
        if value
        and field not in _NOT_ARCHITECTURE
        and not field.endswith(_NOT_ARCHITECTURE_ENDS)
        and not field.startswith(_NOT_ARCHITECTURE_STARTS)
        and _WHEN_ABSENT_ANYWHERE.get(field) != value
    }


def _leave_out_derived(filled: dict[str, Any]) -> None:
    heads, size = filled.get("num_attention_heads"), filled.get("hidden_size")
    if filled.get("num_key_value_heads") == heads:
        filled["num_key_value_heads"] = None
    if not (isinstance(heads, int) and isinstance(size, int) and heads > 0):
        return
    if filled.get("head_dim") == size // heads:
        filled["head_dim"] = None


def _name_gemmas_activation(filled: dict[str, Any]) -> None:
    """The first Gemma files say gelu and mean its approximation, which some name again."""
    if filled["hidden_act"] == "gelu":
        filled["hidden_act"] = _GEMMA_ACTIVATION
    if filled.get("hidden_activation") == _GEMMA_ACTIVATION:
        filled["hidden_activation"] = None


def _rope(role: str, config: Config) -> dict[str, Any]:
    """Rope settings as theta, scaling and part; by type of layer where they depend on it.

    Version 4: rope_theta, rope_scaling, partial_rotary_factor (GPT-NeoX: rotary_emb_base and
    rotary_pct; Gemma 3: rope_local_base_freq for its layers with a window). Version 5: all in
    rope_parameters, which may hold one such object per type of layer.
    """
    given = config.get("rope_parameters")
    for value in (given, config.get("rope_scaling")):
        if value is not None and not isinstance(value, Mapping):
            raise BadInputError(
                f"config.json of --{role} has rope settings that are no object: {value!r:.60}"
            )
    taken = dict.fromkeys(
        ("rope_parameters", "rope_local_base_freq", "rotary_emb_base", "rotary_pct")
    )
    if config.get("original_max_position_embeddings"):
        taken["original_max_position_embeddings"] = None
    layers = {name: one for name, one in (given or {}).items() if isinstance(one, Mapping)}
    if not layers and config.get("rope_local_base_freq"):
        local = {"rope_theta": config["rope_local_base_freq"]}
        layers = {"full_attention": config.get("rope_scaling") or {}, "sliding_attention": local}
    if not layers:
        flat = {**(config.get("rope_scaling") or {}), **(given or {})}
        return {**taken, **_one_rope(config, flat)}
    by_layer = {layer: _one_rope(config, settings) for layer, settings in layers.items()}
    return taken | {
        field: {layer: one[field] for layer, one in sorted(by_layer.items()) if one[field]}
        for field in ROPE_FIELDS
    }


def _one_rope(config: Config, settings: Config) -> dict[str, Any]:
    scaling = dict(settings)
    theta = scaling.pop("rope_theta", config.get("rotary_emb_base") or config["rope_theta"])
    whole = config.get("rotary_pct") or config["partial_rotary_factor"]
    part = scaling.pop("partial_rotary_factor", whole)
    old_name = scaling.pop("type", "default")
    kind = scaling.pop("rope_type", old_name)
    kind = "longrope" if kind == "su" else kind
    if kind in _SCALED_FROM_ORIGINAL:
        scaling["original_max_position_embeddings"] = (
            config.get("original_max_position_embeddings")
            or scaling.get("original_max_position_embeddings")
            or config.get("max_position_embeddings")
        )
    return {
        "rope_theta": theta,
        "rope_scaling": None if kind == "default" else {"rope_type": kind, **scaling},
        "partial_rotary_factor": None if part == 1 else part,
    }


def _layer_types(config: dict[str, Any]) -> Any:
    """Which layers see a window only; None where all see everything. Takes the pattern out."""
    pattern = config.pop("sliding_window_pattern", None)
    config.pop("_sliding_window_pattern", None)
    types, number = config.get("layer_types"), config.get("num_hidden_layers")
    if types is None:
        layers = range(1, number + 1 if isinstance(number, int) and number < _MAX_LAYERS else 1)
        windowed: Iterable[bool] = [False for _ in layers]
        if isinstance(pattern, int) and pattern > 0:
            windowed = [layer % pattern != 0 for layer in layers]
        elif config.get("use_sliding_window") and config.get("sliding_window"):
            first = config.get("max_window_layers")
            windowed = [layer > first if isinstance(first, int) else True for layer in layers]
        types = ["sliding_attention" if window else "full_attention" for window in windowed]
    return (
        None
        if isinstance(types, list) and all(type_ == "full_attention" for type_ in types)
        else types
    )
