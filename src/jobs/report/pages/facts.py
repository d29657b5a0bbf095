"""Statistics of a step as a reader wants them: names in words, numbers with their unit.

Jobs are free in what they count, so this goes by the names: a few nested counts are flattened,
of many only their number is told; ``bytes`` and ``seconds`` get units; lists are left out.
"""

from collections.abc import Iterator, Mapping
from typing import Any

HIDDEN = ("outputs", "seconds", "change")
"""Told elsewhere: to Argo, in the lineage, and under the change of the weights."""
MAX_NESTED = 8
MAX_TEXT = 60


def facts(statistics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, value) of every statistic that can be told in one line."""
    return list(_facts(statistics, ""))


def _facts(statistics: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    for name, value in statistics.items():
        words = f"{above}{name}".replace("_", " ")
        if name in HIDDEN or value is None:
            continue
        if isinstance(value, Mapping):
            numbers = all(isinstance(item, int | float) for item in value.values())
            if numbers and len(value) <= MAX_NESTED:
                yield from _facts(value, f"{words} ")
            else:
                yield words, str(len(value))
        elif isinstance(value, bool):
            yield words, "yes" if value else "no"
        elif isinstance(value, int | float):
            yield from [_number(words, value)]
        elif isinstance(value, str) and 0 < len(value) <= MAX_TEXT:
            yield words, value


def _number(words: str, value: float) -> tuple[str, str]:
    if words.startswith("bytes ") or words.endswith(" bytes"):
        return words.replace("bytes", "").strip(), size(value)
    if words.startswith("busy "):
        return words, duration(value)
    if words.endswith(" seconds"):
        return words.removesuffix(" seconds"), duration(value)
    return words, count(value)


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


def size(value: float) -> str:
    """Bytes in decimal units.

    >>> size(812), size(4_321_000), size(16e9)
    ('812 B', '4.3 MB', '16.0 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"


def duration(seconds: float) -> str:
    """A time span in two units at most.

    >>> duration(3.14159), duration(250), duration(11520)
    ('3.1 s', '4 min 10 s', '3 h 12 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
