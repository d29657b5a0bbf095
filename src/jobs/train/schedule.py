"""The learning rate over the steps: re-warmed, then re-decayed. Pure.

Linear from 0 to the highest rate, then a cosine down to a share of it, as in Ibrahim et al. 2024
(arXiv 2403.08763, section 4.1) for continued pre-training.
"""

import math


def learning_rate(
    step: int, total_steps: int, highest: float, warmup_ratio: float, final_ratio: float
) -> float:
    """The rate of step `step` (from 0, below `total_steps`)."""
    warmup = math.ceil(round(warmup_ratio * total_steps, 9))  # 0.07 × 100 is 7.000000000000001
    if step < warmup:
        return highest * (step + 1) / warmup
    progress = (step - warmup) / max(1, total_steps - 1 - warmup)
    cosine = (1 + math.cos(math.pi * min(1.0, progress))) / 2
    return highest * (final_ratio + (1 - final_ratio) * cosine)
