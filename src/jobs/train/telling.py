"""What train tells of itself: the loss on its way, and what it ran on."""

import platform
from collections.abc import Sequence
from importlib import metadata

MAX_POINTS = 400
"""Of the loss, however many steps there were: some 40 kB of the manifest."""
PACKAGES = ("perennial", "torch", "transformers", "deepspeed")


def loss_curve(
    history: Sequence[dict[str, float]], max_points: int = MAX_POINTS
) -> list[dict[str, float]]:
    """The steps of training in at most `max_points` points, each of equally many steps."""
    every = -(-len(history) // max_points) or 1
    groups = [history[start : start + every] for start in range(0, len(history), every)]
    return [_together(group) for group in groups]


def _together(steps: Sequence[dict[str, float]]) -> dict[str, float]:
    """As one point: the loss by tokens, the rate at the end."""
    tokens = sum(step["tokens"] for step in steps)
    loss = sum(step["loss"] * step["tokens"] for step in steps) / tokens
    return {**steps[-1], "loss": loss if len(steps) > 1 else steps[0]["loss"], "tokens": tokens}


def software() -> dict[str, str]:
    """Package → version, of those that decide what comes out; ours where it is installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # an image has our sources, not as a package
            continue
    return found
