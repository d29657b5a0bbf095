"""What training needs of each GPU's memory, by the least that it needs. Pure.

Training with Adam in mixed precision keeps 2 bytes of weight, 4 of gradient, which is summed in
float32, and 12 of optimizer state (master weight, two moments) a parameter; ZeRO shares the last,
the last two, or all three out over the GPUs (Rajbhandari et al., arXiv 1910.02054, section 3.1).
What a layer keeps for the way back is counted tensor by tensor, as Korthikanti et al. do (arXiv
2205.05198, section 4.1), of transformers' layers in bfloat16 without a matrix of attention; with
activation checkpointing it is the input of each, and all of one. The loss holds some logits, and
the head's gradients.

In truth more is needed: what lies in fragments, and what libraries keep.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

from jobs.train.settings import BUCKET_ELEMENTS, HIGHEST_STAGE, LOGITS_BYTES

WEIGHT, GRADIENT, OPTIMIZER = 2, 4, 12
"""Bytes a parameter."""


class Memory(NamedTuple):
    """Bytes of one GPU; None is unknown."""

    weights: float
    gradients: float
    optimizer: float
    buffers: float
    """In which gradients are sent, and with ZeRO 3 weights gathered."""
    activations: float | None
    loss: float | None

    @property
    def all(self) -> float:
        """Of what is known."""
        return sum(part for part in self if part is not None)


@dataclass(frozen=True)
class Shape:
    """Of a network's layers."""

    hidden: int
    layers: int
    vocabulary: int
    intermediate: int
    queries: int
    """Elements of all query heads; of all key heads:"""
    keys: int
    is_gated: bool

    @property
    def layer_bytes(self) -> int:
        """What a layer keeps of a token for the way back.

        >>> Shape(4096, 32, 128256, 14336, 4096, 1024, True).layer_bytes / 4096
        49.0
        """
        # Gated: both norms keep their input in float32 and two results; the intermediate four times
        # (gate, its activation, the other half, the product). Else the norms share an input.
        around, times = (16, 8) if self.is_gated else (6, 4)
        attention = 4 * self.queries + 4 * self.keys  # queries and what comes out; keys and values
        return around * self.hidden + attention + times * self.intermediate


@dataclass(frozen=True)
class Training:
    """What says how much memory one GPU needs."""

    parameters: int
    processes: int
    zero_stage: int
    micro_batch_rows: int
    sequence_length: int
    activation_checkpointing: bool = False
    shape: Shape | None = None
    """None where no config tells it."""

    @property
    def memory(self) -> Memory:
        """By part.

        >>> sum(Training(7_500_000_000, 64, 1, 1, 1024).memory[:3]) / 1e9
        46.40625
        """
        weights, gradients, optimizer = (
            size * self.parameters / (self.processes if self.zero_stage >= shared_from else 1)
            for size, shared_from in ((WEIGHT, 3), (GRADIENT, 2), (OPTIMIZER, 1))
        )
        buffers = WEIGHT * min(BUCKET_ELEMENTS, self.parameters)
        if self.shape is None:
            return Memory(weights, gradients, optimizer, buffers, None, None)
        head = self.shape.vocabulary * self.shape.hidden
        if self.zero_stage == HIGHEST_STAGE:
            buffers += WEIGHT * head
        tokens = self.sequence_length * self.micro_batch_rows
        logits = min(LOGITS_BYTES, 4 * tokens * self.shape.vocabulary)
        loss = 3 * logits + (GRADIENT + WEIGHT) * head
        activations = tokens * self._token_bytes(self.shape)
        return Memory(weights, gradients, optimizer, buffers, activations, loss)

    def _token_bytes(self, shape: Shape) -> int:
        if self.activation_checkpointing:
            return 2 * shape.hidden * shape.layers + shape.layer_bytes * min(1, shape.layers)
        return shape.layer_bytes * shape.layers

    def smaller(self) -> Iterator[tuple["Training", Mapping[str, Any]]]:
        """With settings that take less memory, and those settings: the fewest changes first."""
        stages = range(self.zero_stage + 1, HIGHEST_STAGE + 1) if self.processes > 1 else ()
        ways: dict[str, Iterable[Any]] = {
            "activation_checkpointing": () if self.activation_checkpointing else (True,),
            "micro_batch_rows": (1,) if self.micro_batch_rows > 1 else (),
            "zero_stage": stages,
        }
        each = [[{}, *({name: value} for value in values)] for name, values in ways.items()]
        together = [{**one, **two, **three} for one, two, three in product(*each)]
        for changes in sorted(filter(None, together), key=len):
            yield replace(self, **changes), changes


def training_of(
    train: Mapping[str, Any], sequence_length: int, parameters: int, config: Mapping[str, Any]
) -> Training:
    """With these settings of train."""
    return Training(
        parameters=parameters,
        processes=train["processes"],
        zero_stage=train["zero_stage"],
        micro_batch_rows=train["micro_batch_rows"],
        sequence_length=sequence_length,
        activation_checkpointing=train["activation_checkpointing"],
        shape=shape_of(config),
    )


def shape_of(config: Mapping[str, Any]) -> Shape | None:
    """None where the config does not say all of it in numbers."""
    names = "hidden_size", "num_hidden_layers", "vocab_size", "intermediate_size"
    sizes = [_size(config, name) for name in (*names, "num_attention_heads")]
    if not all(sizes):
        return None
    hidden, layers, vocabulary, intermediate, heads = sizes
    key_heads = _size(config, "num_key_value_heads") or heads
    size = _size(config, "head_dim") or hidden // heads
    is_gated = "rms_norm_eps" in config
    return Shape(hidden, layers, vocabulary, intermediate, heads * size, key_heads * size, is_gated)


def _size(config: Mapping[str, Any], name: str) -> int:
    """0 where the config has none, or an odd value."""
    size = config.get(name)
    return size if type(size) is int and 0 < size < 2**31 else 0
