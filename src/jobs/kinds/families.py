"""The tensors that transformers' models of known families have, by name, with their shapes. Pure.

Not transformers' own classes: they need torch, which ingest's image does not have. That this says
the same as they do is held by a test, family by family.
"""

from collections.abc import Mapping
from typing import Any

from jobs.kinds.heads import is_tied

Shape = tuple[int | None, ...]
"""None where the config leaves a size to the class's default."""

# Shapes: v vocabulary, h hidden, i intermediate; q all query heads, k all key heads, d one head;
# p the three projections in one, m two of an intermediate in one.
_PROJECTIONS = {
    "self_attn.q_proj": "qh", "self_attn.k_proj": "kh", "self_attn.v_proj": "kh",
    "self_attn.o_proj": "hq",
}  # fmt: skip
_GATED = {"mlp.gate_proj": "ih", "mlp.up_proj": "ih", "mlp.down_proj": "hi"}
_BEFORE = {"input_layernorm": "h", "post_attention_layernorm": "h"}
_AFTER = {"post_attention_layernorm": "h", "post_feedforward_layernorm": "h"}
_AROUND = {**_BEFORE, "pre_feedforward_layernorm": "h", "post_feedforward_layernorm": "h"}
_HEAD_NORMS = {"self_attn.q_norm": "d", "self_attn.k_norm": "d"}
_WHOLE_NORMS = {"self_attn.q_norm": "q", "self_attn.k_norm": "k"}
SIZES = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
)  # fmt: skip
"""Fields of a config that the known families' models all have."""
_LLAMA = {**_PROJECTIONS, **_GATED, **_BEFORE}
_OLMO_2 = {**_PROJECTIONS, **_GATED, **_AFTER, **_WHOLE_NORMS}
_LAYERS: dict[str, dict[str, str]] = {
    "gemma": _LLAMA,
    "gemma2": {**_PROJECTIONS, **_GATED, **_AROUND},
    "gemma3_text": {**_PROJECTIONS, **_GATED, **_AROUND, **_HEAD_NORMS},
    "granite": _LLAMA,
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "olmo": {**_PROJECTIONS, **_GATED},
    "olmo2": _OLMO_2,
    "olmo3": _OLMO_2,
    "phi3": {
        "self_attn.qkv_proj": "ph", "self_attn.o_proj": "hq", "mlp.gate_up_proj": "mh",
        "mlp.down_proj": "hi", **_BEFORE,
    },
    "qwen2": _LLAMA,
    "qwen3": {**_LLAMA, **_HEAD_NORMS},
    "smollm3": _LLAMA,
}  # fmt: skip
"""Weights of one layer by model_type."""

_ALWAYS_BIASED = {"qwen2": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")}
_NEVER_BIASED = ("mistral", "phi3")
_HEAD_DIM = {"gemma": 256, "gemma2": 256, "gemma3_text": 256, "qwen3": 128}


def is_known(config: Mapping[str, Any]) -> bool:
    """Whether the family is one of those whose tensors are told here."""
    family = config.get("model_type")
    return isinstance(family, str) and family in _LAYERS


def expected_tensors(config: Mapping[str, Any], num_layers: int) -> dict[str, Shape] | None:
    """Name → shape of all tensors that a model of this config has; None for other families.

    Raises BadInputError where nothing says whether the head is tied.
    """
    if not is_known(config):
        return None
    family = str(config["model_type"])
    sizes = _sizes(family, config)
    found: dict[str, Shape] = {"model.embed_tokens.weight": (sizes["v"], sizes["h"])}
    if family != "olmo":
        found["model.norm.weight"] = (sizes["h"],)
    if not is_tied(config):
        found["lm_head.weight"] = (sizes["v"], sizes["h"])
    biased = _biased(family, config)
    for layer in range(num_layers):
        for name, letters in _LAYERS[family].items():
            shape = tuple(sizes[letter] for letter in letters)
            found[f"model.layers.{layer}.{name}.weight"] = shape
            if name in biased:
                found[f"model.layers.{layer}.{name}.bias"] = shape[:1]
    return found


def _biased(family: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of a layer's modules that have a bias."""
    if family in _ALWAYS_BIASED or family in _NEVER_BIASED:
        return _ALWAYS_BIASED.get(family, ())
    attention = tuple(_PROJECTIONS) if config.get("attention_bias") is True else ()
    has_mlp_bias = family in ("llama", "granite", "smollm3") and config.get("mlp_bias") is True
    return attention + (tuple(_GATED) if has_mlp_bias else ())


def _sizes(family: str, config: Mapping[str, Any]) -> dict[str, int | None]:
    """Sizes by letter; None where the config does not say."""

    def size(field: str) -> int | None:
        value = config.get(field)
        return value if type(value) is int and value > 0 else None

    heads, hidden, width = size("num_attention_heads"), size("hidden_size"), size("head_dim")
    key_heads = size("num_key_value_heads")
    if width is None:
        width = _HEAD_DIM.get(family)
    if width is None and heads and hidden:
        width = hidden // heads
    queries, keys = _times(heads, width), _times(key_heads, width)
    intermediate = size("intermediate_size")
    return {
        "v": size("vocab_size"), "h": hidden, "i": intermediate, "d": width, "q": queries,
        "k": keys, "m": _times(2, intermediate),
        "p": None if queries is None or keys is None else queries + 2 * keys,
    }  # fmt: skip


def _times(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one * other
