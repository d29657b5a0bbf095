"""Networks of many architectures, of a few thousand parameters and random weights."""

from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, PreTrainedConfig

VOCABULARY = 97
POSITIONS = 64
HIDDEN = 32
_COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": HIDDEN, "num_hidden_layers": 2,
    "num_attention_heads": 4, "max_position_embeddings": POSITIONS, "bos_token_id": 0,
    "eos_token_id": 1, "pad_token_id": 2,
}  # fmt: skip
_GROUPED = _COMMON | {"intermediate_size": 48, "num_key_value_heads": 2}
_HEADS_OF_8 = _GROUPED | {"head_dim": 8}
_EXPERTS = {"moe_intermediate_size": 16, "num_experts_per_tok": 2}
_GPT2 = {
    "vocab_size": VOCABULARY,
    "n_embd": HIDDEN,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": POSITIONS,
}

ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", _GROUPED),
    "tied": ("LlamaConfig", _GROUPED | {"tie_word_embeddings": True}),
    "qwen2": ("Qwen2Config", _GROUPED),
    "qwen3": ("Qwen3Config", _HEADS_OF_8),
    "window": ("MistralConfig", _GROUPED | {"sliding_window": 8}),
    "gemma3": ("Gemma3TextConfig", _HEADS_OF_8 | {"sliding_window": 8}),
    "soft-cap": ("Gemma2Config", _HEADS_OF_8 | {"sliding_window": 8}),
    "scale": ("CohereConfig", _GROUPED),
    "scaling": ("GraniteConfig", _GROUPED | {"logits_scaling": 3.0}),
    "bias": ("PhiConfig", _GROUPED),
    "gpt2": ("GPT2Config", _GPT2 | {"resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}),
    "neox": ("GPTNeoXConfig", _COMMON | {"intermediate_size": 48}),
    "experts": ("MixtralConfig", _GROUPED | {"num_local_experts": 4}),
    "many-experts": ("Qwen3MoeConfig", _HEADS_OF_8 | _EXPERTS | {"num_experts": 4}),
    "latent": (
        "DeepseekV3Config",
        _COMMON | _EXPERTS | {
            "intermediate_size": 48, "num_key_value_heads": 4, "n_routed_experts": 4, "n_group": 1,
            "topk_group": 1, "q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 4,
            "qk_nope_head_dim": 12, "v_head_dim": 8, "first_k_dense_replace": 1,
        },
    ),
    "sinks": ("GptOssConfig", _HEADS_OF_8 | {"num_local_experts": 4, "sliding_window": 8}),
}  # fmt: skip
"""Name → transformers' config and its values."""
MASKED = ("soft-cap", "sinks")
"""Of these, those that attention without a mask cannot compute."""
LEAKING = ("sinks",)
"""Of those, the ones that transformers' masks do not keep apart either."""


def config(architecture: str) -> PreTrainedConfig:
    name, values = ARCHITECTURES[architecture]
    made: PreTrainedConfig = getattr(transformers, name)(**values)
    return made


def network(architecture: str, attention: str | None = None, seed: int = 0) -> Any:
    """In float32; `attention` is its implementation."""
    torch.manual_seed(seed)
    made = AutoModelForCausalLM.from_config(config(architecture), attn_implementation=attention)
    return made.float()
