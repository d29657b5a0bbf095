"""Rows into tensors. Shapes: B rows of a micro batch, L tokens a row (padded).

No attention mask is made: positions that restart at each document tell transformers where the
documents are (an all-ones mask would silently switch that off).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from jobs.kinds.rows import Row

IGNORED = -100


@dataclass(frozen=True)
class Batch:
    """What the model is given, all int64 [B, L]."""

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    labels: torch.Tensor
    """The token at each place, or IGNORED: padding, first tokens, and what carries no loss."""

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(x.to(device) for x in (self.input_ids, self.position_ids, self.labels)))


def collate(rows: Sequence[Row], sequence_length: int) -> Batch:
    """Rows padded to `sequence_length`; the padding is a document of its own without loss."""
    shape = (len(rows), sequence_length)
    input_ids = torch.zeros(shape, dtype=torch.int64)
    position_ids = torch.zeros(shape, dtype=torch.int64)
    labels = torch.full(shape, IGNORED, dtype=torch.int64)
    for r, row in enumerate(rows):
        n = len(row.ids)
        input_ids[r, :n] = torch.tensor(row.ids)
        padding = [sequence_length - n] if n < sequence_length else []
        lengths = [*row.lengths, *padding]
        position_ids[r] = torch.cat([torch.arange(length) for length in lengths])
        labels[r, :n] = input_ids[r, :n]
        if row.loss_mask is not None:
            labels[r, :n][~torch.tensor(row.loss_mask)] = IGNORED
        labels[r, sorted(row.starts())] = IGNORED
    return Batch(input_ids, position_ids, labels)


def summed_loss(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """Cross entropy summed over the labelled tokens: a scalar in float32, in nats."""
    logits = model(
        input_ids=batch.input_ids, position_ids=batch.position_ids, use_cache=False
    ).logits  # [B, L, V]
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].float().flatten(0, 1),
        batch.labels[:, 1:].flatten(),
        ignore_index=IGNORED,
        reduction="sum",
    )
