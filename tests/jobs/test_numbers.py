"""Numbers are rounded before their unit is chosen: at each border, and beside it."""

import doctest

import pytest

from jobs import numbers


def test_the_examples() -> None:
    assert doctest.testmod(numbers).failed == 0


@pytest.mark.parametrize(
    ("number", "text", "in_bytes"),
    [
        (0, "0", "0 B"), (1, "1", "1 B"), (999, "999", "999 B"), (1000, "1K", "1 kB"),
        (999_499, "999K", "999 kB"), (999_500, "1M", "1 MB"), (999_999, "1M", "1 MB"),
        (1_918_656, "1.92M", "1.92 MB"), (10**8, "100M", "100 MB"), (8 * 10**9, "8B", "8 GB"),
        (999_999_999_999, "1T", "1 TB"), (10**15, "1000T", "1 PB"), (10**17, "100,000T", "100 PB"),
        (1234 * 10**18, "1,230,000,000T", "1230 EB"), (0.5, "0.5", "0.5 B"),
    ],
)  # fmt: skip
def test_counts_and_bytes(number: float, text: str, in_bytes: str) -> None:
    assert (numbers.count(number), numbers.num_bytes(number)) == (text, in_bytes)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00 s"), (0.994, "0.99 s"), (0.996, "1.0 s"), (9.96, "10.0 s"), (59.94, "59.9 s"),
        (59.96, "1 min"), (60, "1 min"), (119.4, "1 min 59 s"), (119.6, "2 min"),
        (3599.4, "59 min 59 s"), (3599.6, "1 h"), (3629, "1 h"), (7170, "2 h"),
        (86_369, "23 h 59 min"), (86_371, "1 d"), (86_400 * 9 + 3600 * 23.6, "10 d"),
        (86_400 * 400.5, "400 d 12 h"),
    ],
)  # fmt: skip
def test_seconds(seconds: float, text: str) -> None:
    assert numbers.seconds(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"), (0.99949, "0.999"), (0.9996, "1"), (9.996, "10"), (99.96, "100"),
        (999.6, "1000"), (9999.0, "10,000"), (53.41880341880342, "53.4"), (-1234.5, "-1230"),
        (123_456_789.0, "123,000,000"), (float("inf"), "inf"), (1e-9, "0.000000001"),
    ],
)  # fmt: skip
def test_significant_digits(number: float, text: str) -> None:
    assert numbers.significant(number) == text
