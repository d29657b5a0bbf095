"""Cross entropy that never holds the logits of all tokens.

What a network makes of its last hidden states (head, bias, scale, soft cap) is run over a few
tokens at a time, forward and backward at once, and only the gradients are kept: those of the hidden
states and of the head's parameters. So no logits wait for the backward pass, and no product is
worked out twice. Memory: three times `LOGITS_BYTES`, and the head's gradients, summed in float32.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM
from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions

from jobs.train.attention import DOCUMENTS
from jobs.train.settings import LOGITS_BYTES

IGNORED = -100


class Loss(torch.nn.Module):
    """A causal language model as the loss that it has on rows: what DeepSpeed's engine wraps."""

    def __init__(self, network: Any, chunk_tokens: int | None = None) -> None:
        """`chunk_tokens` at a time go through the head; default: as `LOGITS_BYTES` allow."""
        super().__init__()
        self.network = network
        self.vocabulary: int = network.config.get_text_config().vocab_size
        self.head = Head(network, chunk_tokens or max(1, LOGITS_BYTES // (4 * self.vocabulary)))
        self.attention: str = network.config._attn_implementation
        """Its name: `DOCUMENTS`, or one of transformers'."""

    def forward(
        self, input_ids: torch.Tensor, labels: torch.Tensor, **documents: Any
    ) -> torch.Tensor:
        """Summed over the labelled tokens, in nats: a scalar in float32.

        `input_ids` and `labels` are [B, L]; a label stands at its own token's place, or is
        `IGNORED`. `documents` is what `hidden` takes.
        """
        hidden = self.hidden(input_ids, **documents)
        labelled = labels[:, 1:] != IGNORED
        total: torch.Tensor = self.head(hidden[:, :-1][labelled], labels[:, 1:][labelled])
        return total

    def hidden(
        self, input_ids: torch.Tensor, *, position_ids: torch.Tensor, **ends: Any
    ) -> torch.Tensor:
        """The last hidden states [B, L, H] of [B, L] tokens; `ends` as of `within_documents`."""
        told = ends if self.attention == DOCUMENTS else {}
        found: torch.Tensor = self.network.base_model(
            input_ids=input_ids, position_ids=position_ids, use_cache=False, **told
        )[0]
        return found


class Head(torch.nn.Module):
    """What a network does after its trunk, by its own code, and the loss of that.

    The parameters stay the network's: `parameters_used` are those, some of them its trunk's, too.
    """

    def __init__(self, network: Any, chunk_tokens: int) -> None:
        super().__init__()
        self._chunk_tokens = chunk_tokens
        with torch.device("meta"):
            copy = AutoModelForCausalLM.from_config(network.config, trust_remote_code=False)
        (trunk,) = (name for name, child in copy.named_children() if child is copy.base_model)
        self._given = _Given()
        copy._modules[trunk] = self._given
        self._copy = [copy]  # no part of this module: it has no weights
        named = dict(network.named_parameters(remove_duplicate=False))
        self._names = [name for name, _ in copy.named_parameters()]
        self.parameters_used = [named[name] for name in self._names]

    def forward(self, hidden: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The summed loss of `hidden` [T, H] with `labels` [T]."""
        total: torch.Tensor = _Chunked.apply(  # type: ignore[no-untyped-call]
            torch.is_grad_enabled(), self.logits, self._chunk_tokens, labels, hidden,
            *self.parameters_used,
        )  # fmt: skip
        return total

    def logits(self, hidden: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        """[T, H] → [T, V], with these in place of `parameters_used`."""
        self._given.hidden = hidden[None]
        places = torch.zeros((1, len(hidden)), dtype=torch.int64, device=hidden.device)
        values = dict(zip(self._names, parameters, strict=True))
        told = {"input_ids": places, "use_cache": False}
        found: torch.Tensor = functional_call(self._copy[0], values, kwargs=told).logits[0]
        return found


@dataclass
class _Output(BaseModelOutputWithPastAndCrossAttentions):  # type: ignore[misc]
    """What any trunk gives."""

    router_logits: None = None


class _Given(torch.nn.Module):
    """In a trunk's place: what it gave."""

    hidden: torch.Tensor

    @property
    def decoder(self) -> "_Given":
        """OPT asks its trunk's decoder."""
        return self

    def forward(self, *_: Any, **__: Any) -> _Output:
        return _Output(last_hidden_state=self.hidden)


class _Chunked(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        learning: bool,
        head: Callable[..., torch.Tensor],
        chunk_tokens: int,
        labels: torch.Tensor,
        hidden: torch.Tensor,
        *parameters: torch.Tensor,
    ) -> torch.Tensor:
        total = torch.zeros((), device=hidden.device)
        of_hidden, of_head = list[torch.Tensor](), list[torch.Tensor]()
        if learning:
            of_head = [torch.zeros_like(one, dtype=torch.float32) for one in parameters]
        for some, wanted in zip(
            torch.split(hidden, chunk_tokens), torch.split(labels, chunk_tokens), strict=True
        ):
            with torch.set_grad_enabled(learning):
                given, *own = (one.detach().requires_grad_(learning) for one in (some, *parameters))
                loss = cross_entropy(head(given, *own).float(), wanted, reduction="sum")
            total += loss.detach()
            if learning:
                first, *others = torch.autograd.grad(loss, [given, *own])
                of_hidden.append(first)
                for kept, new in zip(of_head, others, strict=True):
                    kept.add_(new)
        if learning:
            whole = torch.cat(of_hidden) if of_hidden else torch.zeros_like(hidden)
            ctx.save_for_backward(whole, *of_head)
            ctx.types = [one.dtype for one in parameters]
        return total

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        of_hidden, *of_head = ctx.saved_tensors
        # Straight into its type, which spares a GPU a float32 copy of a large head.
        scaled = [
            torch.mul(one, outer[0], out=torch.empty_like(one, dtype=dtype))
            for one, dtype in zip(of_head, ctx.types, strict=True)
        ]
        return (None, None, None, None, of_hidden * outer[0].to(of_hidden.dtype), *scaled)
