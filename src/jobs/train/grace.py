"""Whether what was trained can still be saved, when a process is told to stop.

A checkpoint of an 8B model is 112 GB; where saving one takes longer than the grace, beginning it
only delays the end. What the last one took says so. Before there is one it is simply tried: what
is cut off has no manifest, and the next attempt resumes from the checkpoint before.
"""

from dataclasses import dataclass

import torch
from torch import distributed

from jobs.stopping import STOP

SLOWER = 1.25
"""How much longer than the last one a checkpoint may take."""


@dataclass(frozen=True)
class Grace:
    """What all processes know when at least one was told to stop."""

    seconds_left: float
    """Of the one that is ended first."""
    seconds_needed: float
    """To save; 0 where none was saved yet."""

    @property
    def is_enough(self) -> bool:
        return self.seconds_needed <= self.seconds_left


@dataclass(frozen=True)
class Agreed:
    """The same on every process."""

    grace: Grace | None
    """None where none was told to stop."""
    is_uploaded: bool
    """Whether each has written its part of the checkpoint that is on its way."""


def agreed(saving_seconds: float, is_uploaded: bool, device: torch.device) -> Agreed:
    """What all processes know of each other now; a collective call.

    `saving_seconds` is what this process saw the last checkpoint take.
    """
    told = float(STOP.told is not None)
    mine = [told, -STOP.seconds_left, SLOWER * saving_seconds, -float(is_uploaded)]
    largest = torch.tensor(mine, device=device)
    distributed.all_reduce(largest, distributed.ReduceOp.MAX)
    told, negative_seconds, needed, negative_uploaded = largest.tolist()
    grace = Grace(-negative_seconds, needed) if told else None
    return Agreed(grace, negative_uploaded == -1)


def what_counts(step: int, saved: int | None) -> str:
    """What is left of `step` steps where the checkpoint of step `saved` is the last."""
    if saved is None:
        return f"no checkpoint is saved, {step} steps will be done again"
    return f"the checkpoint of step {saved} is what counts, {step - saved} steps will be done again"
