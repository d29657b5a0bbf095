"""What train tells of the loss on its way."""

import pytest

from jobs.kinds.promises import LossPoint
from jobs.train.telling import MAX_POINTS, loss_curve


def steps(number: int) -> list[dict[str, float]]:
    return [
        {"step": float(n), "loss": 10.0 - n, "rate": n / 10, "tokens": 100.0 + 200 * (n % 2)}
        for n in range(number)
    ]


def test_a_short_way_is_told_whole() -> None:
    assert loss_curve(steps(5)) == steps(5)
    assert loss_curve([]) == []


def test_a_long_way_is_told_by_means_over_tokens() -> None:
    # Of 100 and 300 tokens: (10 + 3 × 9) / 4 and (8 + 3 × 7) / 4.
    assert loss_curve(steps(5), 3) == [
        {"step": 1.0, "loss": 9.25, "rate": 0.1, "tokens": 400.0},
        {"step": 3.0, "loss": 7.25, "rate": 0.3, "tokens": 400.0},
        {"step": 4.0, "loss": 6.0, "rate": 0.4, "tokens": 100.0},
    ]
    assert [LossPoint(**point).step for point in loss_curve(steps(5), 3)] == [1, 3, 4]


@pytest.mark.parametrize("number", [MAX_POINTS, MAX_POINTS + 1, 10 * MAX_POINTS - 1])
def test_no_way_is_longer_than_allowed(number: int) -> None:
    curve = loss_curve(steps(number))
    assert len(curve) <= MAX_POINTS
    assert sum(point["tokens"] for point in curve) == sum(step["tokens"] for step in steps(number))
