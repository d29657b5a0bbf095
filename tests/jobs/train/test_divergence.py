"""When a training has diverged, and how much of a device it uses, by hand."""

import pytest
import torch

from jobs.train.divergence import FEWEST_STEPS, divergence
from jobs.train.utilisation import Work
from tests.jobs.train.networks import network


@pytest.mark.parametrize(
    ("loss", "norm", "before", "said"),
    [
        (2.0, 1.0, [], ""),
        (float("nan"), 1.0, [], "the loss is nan"),
        (float("inf"), 1.0, [2.0], "the loss is inf"),
        (2.0, float("inf"), [2.0], "the norm of the gradient is inf"),
        (50.0, 1.0, [2.0] * (FEWEST_STEPS - 1), ""),
        (4.1, 1.0, [2.0] * FEWEST_STEPS, "the loss is 4.1, after 2 in the mean of the 10 steps"),
        (4.0, 1.0, [2.0] * FEWEST_STEPS, ""),
        (0.9, 1.0, [0.01] * FEWEST_STEPS, ""),
    ],
)
def test_a_loss_is_judged(loss: float, norm: float, before: list[float], said: str) -> None:
    found = divergence(loss, norm, before)
    assert found.startswith(said)
    assert bool(found) == bool(said)


def test_floating_point_operations_are_counted() -> None:
    """By hand: 4 heads of 8 elements in 2 layers; 6 FLOPs a weight and token."""
    net = network("llama")
    weights = sum(one.numel() for one in net.parameters())
    assert Work.of(net) == Work(weights, 2 * 32)
    assert Work.of(net).flops(10, 5**2 + 5**2) == 6 * weights * 10 + 6 * 64 * 50
    assert Work.of(network("gpt2")).attention == 2 * 32
    with torch.device("meta"):
        assert Work.of(network("latent")).attention > 0
