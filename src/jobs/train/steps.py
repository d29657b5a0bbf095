"""Steps of an engine: of training, and over held-out rows. Collective calls, all of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed

from jobs.errors import BadInputError
from jobs.kinds.rows import Row
from jobs.train.batches import StepBatch, step_batch
from jobs.train.engine import set_learning_rate

NOTHING = Row.of([0], [1])
"""A row without a loss."""
FIX_LOSS = "lower --learning-rate (train.learning_rate in the fleet file)"


@dataclass(frozen=True)
class Done:
    """What a step was."""

    loss: float
    """Mean a labelled token, in nats, before the step."""
    gradient_norm: float


class Steps:
    """Of one engine on this process; rows are padded to `length`, `at_once` in a micro batch."""

    def __init__(self, engine: Any, device: torch.device, at_once: int, length: int) -> None:
        self._engine, self._device = engine, device
        self._at_once, self._length = at_once, length

    def batch(self, rows: Sequence[Row]) -> StepBatch:
        """Of these rows, with this process's share of them."""
        rank, processes = distributed.get_rank(), distributed.get_world_size()
        batch = step_batch(rows, rank, processes, self._at_once, self._length)
        return batch.pinned() if self._device.type == "cuda" else batch

    def train(self, batch: StepBatch, rate: float) -> Done:
        """One optimizer step."""
        set_learning_rate(self._engine, rate)
        # DeepSpeed averages over processes and micro batches; this makes it a mean over tokens.
        scale = distributed.get_world_size() * len(batch.micro) / batch.labelled
        total = torch.zeros((), device=self._device)
        for number, share in enumerate(batch.micro, 1):
            self._engine.set_gradient_accumulation_boundary(number == len(batch.micro))
            loss = self._engine(**share.to(self._device))
            total += loss.detach()
            self._engine.backward(loss * scale)
            self._engine.step()
        distributed.all_reduce(total)
        return Done(total.item() / batch.labelled, float(self._engine.get_global_grad_norm()))

    @torch.no_grad()
    def loss(self, rows: Sequence[Row]) -> float | None:
        """Mean loss a labelled token over `rows`, in nats; None where there are none.

        Each process computes its share of them, in equally many micro batches. Raises
        BadInputError where it is no number.
        """
        if not rows:
            return None
        self._engine.eval()
        missing = -len(rows) % distributed.get_world_size()
        batch = self.batch([*rows, *[NOTHING] * missing])
        total = torch.zeros((), device=self._device, dtype=torch.float64)
        for share in batch.micro:
            total += self._engine.module(**share.to(self._device))
        self._engine.train()
        distributed.all_reduce(total)
        loss = total.item() / batch.labelled
        if not math.isfinite(loss):
            raise BadInputError(f"the loss on held-out rows is {loss}; {FIX_LOSS}")
        return loss
