"""Numbers as the report's tables write them; spans of time and bytes are `jobs.numbers`'."""

import math

from jobs.report.evidence.averages import Score
from jobs.report.gate import signed

NONE = "–"
"""Stands where nothing is known."""


def count(value: float) -> str:
    """A number as read: thousands apart, four significant digits behind a point.

    >>> count(1234567), count(0.98765), count(12.0)
    ('1,234,567', '0.9877', '12')
    """
    if isinstance(value, int):
        return f"{value:,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def small(value: float, digits: int = 2) -> str:
    """A number of a few significant digits, written out unless it is very small.

    >>> small(0.000213), small(0.009999), small(0.5, 1), small(12.34), small(2e-9, 1), small(0)
    ('0.00021', '0.010', '0.5', '12', '2e-09', '0')
    """
    if value == 0:
        return "0"
    rounded = f"{value:.{digits - 1}e}"
    places = digits - 1 - int(rounded.partition("e")[2])
    return f"{value:.{max(0, places)}f}" if places < 8 else rounded


def points(score: Score | None) -> str:
    """A score as in the paper's tables: two decimals."""
    if score is None:
        return NONE
    return f"{score.value:.2f}" if math.isfinite(score.value) else "no number"


def bits(value: float | None, digits: int = 4) -> str:
    """Bits per byte."""
    if value is None:
        return NONE
    return f"{value:.{digits}f}" if math.isfinite(value) else "no number"


def change(value: float | None, digits: int = 2) -> str:
    """A difference, with its sign."""
    return NONE if value is None or not math.isfinite(value) else signed(value, digits)


def small_or_none(value: float | None) -> str:
    """A number of two significant digits, where it is known."""
    return NONE if value is None else small(value)


def percent(share: float) -> str:
    """A share of 1, in which "all" and "none" are exact.

    >>> percent(0.9732), percent(0.99999), percent(1.0), percent(1e-6)
    ('97.3 %', '> 99.9 %', '100 %', '< 0.1 %')
    """
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    text = f"{100 * share:.1f} %"
    return {"0.0 %": "< 0.1 %", "100.0 %": "> 99.9 %"}.get(text, text)
