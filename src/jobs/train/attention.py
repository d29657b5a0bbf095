"""Attention within documents, without a mask: transformers' implementation `DOCUMENTS`.

On a GPU it is FlashAttention of variable length, as torch brings it: cost and memory grow with the
documents' lengths, not with the row's. On a CPU it is torch's own, document after document.
"""

import logging
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface, AutoModelForCausalLM, PreTrainedConfig

DOCUMENTS = "documents"
PROBE = "documents-probe"
LARGEST_HEAD = 256
"""Of FlashAttention; sizes are multiples of `HEAD_STEP`."""
HEAD_STEP = 8

log = logging.getLogger("train")


def implementation(config: PreTrainedConfig) -> str | None:
    """`DOCUMENTS` where a model of this config can be computed by it.

    Else None: transformers' own choice, which works out what each document sees as a mask [L, L].
    Tried on torch's device meta: no weights, no work.
    """
    calls = 0

    def probe(*given: Any, **named: Any) -> tuple[torch.Tensor, None]:
        nonlocal calls
        found = within_documents(*given, **named)
        calls += 1
        return found

    AttentionInterface.register(PROBE, probe)
    tokens = torch.zeros((1, HEAD_STEP), dtype=torch.int64, device="meta")
    ends = torch.tensor([0, HEAD_STEP], dtype=torch.int32)
    try:
        with torch.device("meta"):
            network = AutoModelForCausalLM.from_config(
                config, attn_implementation=PROBE, trust_remote_code=False
            )
        network.base_model(
            input_ids=tokens, position_ids=tokens, use_cache=False,
            cu_seq_lens_q=ends, max_length_q=HEAD_STEP,
        )  # fmt: skip
    except (NotImplementedError, TypeError, ValueError) as error:
        log.info("attention within documents cannot be had of this architecture: %s", error)
        return None
    except Exception:  # experts are chosen by values, of which meta has none
        log.debug("on the device meta", exc_info=True)
    return DOCUMENTS if calls else None


def within_documents(
    module: Any,  # noqa: ARG001  transformers gives it
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    *,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    cu_seq_lens_q: torch.Tensor,
    max_length_q: int,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Causal within each document: [B, heads, L, D] → [B, L, heads, D].

    The rows stand side by side: N documents begin and end at `cu_seq_lens_q` [N + 1] in them, and
    none is longer than `max_length_q`. Keys and values may have fewer heads. Raises
    NotImplementedError for attention of another kind.
    """
    if attention_mask is not None or dropout or softcap or s_aux is not None:
        raise NotImplementedError("attention with a mask, dropout, a soft cap or sinks")
    batch, heads, length, size = query.shape
    if query.device.type != "cpu" and (size > LARGEST_HEAD or size % HEAD_STEP):
        raise NotImplementedError(f"heads of {size} elements")
    value_size = value.shape[-1]
    value = pad(value, [0, size - value_size])
    # [B, h, L, D] → [B · L, h, D]
    q, k, v = (x.transpose(1, 2).reshape(batch * length, -1, size) for x in (query, key, value))
    if query.is_cuda:
        found = varlen_attn(
            q, k, v, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q,
            scale=scaling, enable_gqa=True,
            window_size=(sliding_window - 1 if sliding_window else -1, 0),
        )  # fmt: skip
        assert isinstance(found, torch.Tensor)
    else:
        found = _one_by_one(q, k, v, cu_seq_lens_q.tolist(), scaling, sliding_window)
    return found.reshape(batch, length, heads, size)[..., :value_size], None


def _one_by_one(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    ends: Sequence[int],
    scaling: float | None,
    window: int | None,
) -> torch.Tensor:
    """The same of [T, heads, D] in each, without a GPU."""
    found = []
    for start, end in pairwise(ends):
        # [n, h, D] → [1, h, n, D]
        q, k, v = (x[start:end].transpose(0, 1)[None] for x in (query, key, value))
        told: dict[str, Any] = {"is_causal": True}
        if window and window < end - start:
            ones = torch.ones(end - start, end - start, dtype=torch.bool)
            told = {"attn_mask": ones.tril().triu(1 - window)}
        found.append(scaled_dot_product_attention(q, k, v, scale=scaling, enable_gqa=True, **told))
    return torch.cat(found, dim=2)[0].transpose(0, 1)


AttentionInterface.register(DOCUMENTS, within_documents)
