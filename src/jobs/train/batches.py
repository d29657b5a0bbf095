"""Rows into tensors. Shapes: B rows of a micro batch, L tokens a row (padded), N documents in all.

No attention mask is made: where the documents are is told by their ends in the rows laid side by
side, and by positions that restart at each (an all-ones mask would silently switch that off).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import torch

from jobs.kinds.rows import Row
from jobs.train.loss import IGNORED


@dataclass(frozen=True)
class Batch:
    """What the model is given."""

    input_ids: torch.Tensor
    """int64 [B, L]."""
    labels: torch.Tensor
    """int64 [B, L]: the token at each place, or IGNORED: padding, first tokens, and what carries no
    loss."""
    position_ids: torch.Tensor
    """int64 [B, L], from 0 in each document."""
    ends: torch.Tensor
    """int32 [N + 1]: 0, then where each document ends in the rows side by side."""
    longest: int
    """Tokens of the longest document."""

    def to(self, device: torch.device) -> dict[str, Any]:
        """The arguments of `jobs.train.loss.Loss`, without waiting for a device."""
        tensors = {
            "input_ids": self.input_ids,
            "labels": self.labels,
            "position_ids": self.position_ids,
            "cu_seq_lens_q": self.ends,
        }
        there = {name: x.to(device, non_blocking=True) for name, x in tensors.items()}
        return {**there, "max_length_q": self.longest}

    def pinned(self) -> "Batch":
        """In memory that a GPU can copy from by itself, while other work goes on."""
        names = ("input_ids", "labels", "position_ids", "ends")
        return replace(self, **{name: getattr(self, name).pin_memory() for name in names})


@dataclass(frozen=True)
class StepBatch:
    """What one step is trained on: facts of all rows, and this process's share of them."""

    tokens: int
    labelled: int
    """Tokens that carry loss."""
    squares: int
    """Sum of the documents' squared lengths."""
    micro: tuple[Batch, ...]

    def pinned(self) -> "StepBatch":
        return replace(self, micro=tuple(batch.pinned() for batch in self.micro))


def step_batch(
    rows: Sequence[Row], rank: int, processes: int, at_once: int, length: int
) -> StepBatch:
    """Of the rows of a step, each process takes equally many, `at_once` in a micro batch."""
    return StepBatch(
        tokens=sum(len(row.ids) for row in rows),
        labelled=sum(row.labelled_tokens for row in rows),
        squares=sum(n * n for row in rows for n in row.lengths),
        micro=tuple(
            collate(share, length) for share in micro_batches(rows[rank::processes], at_once)
        ),
    )


def micro_batches(rows: Sequence[Row], at_once: int) -> Iterator[Sequence[Row]]:
    """`at_once` rows each; the last may have fewer."""
    for start in range(0, len(rows), at_once):
        yield rows[start : start + at_once]


def collate(rows: Sequence[Row], sequence_length: int) -> Batch:
    """Rows padded to `sequence_length`; the padding is a document of its own without loss."""
    shape = (len(rows), sequence_length)
    input_ids = torch.zeros(shape, dtype=torch.int64)
    position_ids = torch.zeros(shape, dtype=torch.int64)
    labels = torch.full(shape, IGNORED, dtype=torch.int64)
    documents = list[int]()
    for r, row in enumerate(rows):
        n = len(row.ids)
        lengths = [*row.lengths, sequence_length - n] if n < sequence_length else row.lengths
        documents += lengths
        input_ids[r, :n] = torch.tensor(row.ids)
        position_ids[r] = torch.cat([torch.arange(length) for length in lengths])
        labels[r, :n] = input_ids[r, :n]
        if row.loss_mask is not None:
            labels[r, :n][torch.tensor(~row.loss_mask)] = IGNORED
        labels[r, torch.tensor(row.starts())] = IGNORED
    ends = torch.tensor([0, *accumulate(documents)], dtype=torch.int32)
    return Batch(input_ids, labels, position_ids, ends, max(documents))
