"""When a training has diverged: its loss is no number, or far above what it was. Pure."""

import math
from collections.abc import Sequence
from statistics import fmean

LAST_STEPS = 50
"""Over which the mean runs; before `FEWEST_STEPS` of them nothing is far from it."""
FEWEST_STEPS = 10
TIMES, NATS = 2.0, 1.0
"""Far above the mean is twice as much, and at least a nat more: near 0 losses are restless."""


def divergence(loss: float, gradient_norm: float, before: Sequence[float]) -> str:
    """What is wrong with a step; "" where nothing is.

    `before` are the losses of the last `LAST_STEPS` before it.

    >>> divergence(2.5, 1.0, [2.4] * 20), divergence(5.0, 1.0, [2.4] * 20)
    ('', 'the loss is 5, after 2.4 in the mean of the 20 steps before')
    """
    if not math.isfinite(loss):
        return f"the loss is {loss}"
    if not math.isfinite(gradient_norm):
        return f"the norm of the gradient is {gradient_norm}"
    if len(before) < FEWEST_STEPS:
        return ""
    mean = fmean(before)
    if loss > TIMES * mean and loss > mean + NATS:
        steps = f"the {len(before)} steps before"
        return f"the loss is {loss:.4g}, after {mean:.4g} in the mean of {steps}"
    return ""
