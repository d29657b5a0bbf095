"""Numbers as a person reads them: three digits and a unit, rounded before the unit is chosen.

So 999,999 is ``1M`` and 59.97 seconds are ``1 min``, never ``1e+03K`` and ``60.0 s``.
"""

import math
from collections.abc import Sequence

_COUNTS = ("", "K", "M", "B", "T")
_BYTES = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_SPANS = (
    (1, "min", "s", 60, 3600),
    (60, "h", "min", 60, 86400),
    (3600, "d", "h", 24, math.inf),
)
"""Seconds of the smaller unit, the larger, the smaller, how many make a larger; up to when."""


def significant(number: float, digits: int = 3) -> str:
    """A number of a few significant digits, without an exponent, with commas from 10,000 on.

    >>> significant(0.5), significant(99.96), significant(1234.5), significant(1e6)
    ('0.5', '100', '1230', '1,000,000')
    >>> significant(0.0001234), significant(0)
    ('0.000123', '0')
    """
    rounded = float(f"{number:.{digits - 1}e}")
    if rounded == 0 or not math.isfinite(rounded):
        return f"{rounded:g}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    text = f"{rounded:,.{places}f}" if abs(rounded) >= 10_000 else f"{rounded:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(number: float) -> str:
    """A count of tokens, parameters or steps.

    >>> count(999), count(999_999), count(1_918_656), count(8e9), count(0)
    ('999', '1M', '1.92M', '8B', '0')
    """
    value, unit = _scaled(number, _COUNTS)
    return value + unit


def num_bytes(number: float) -> str:
    """Bytes, in powers of ten.

    >>> num_bytes(812), num_bytes(999_999), num_bytes(16.06e9)
    ('812 B', '1 MB', '16.1 GB')
    """
    value, unit = _scaled(number, _BYTES)
    return f"{value} {unit}"


def seconds(number: float) -> str:
    """A time span in two units at most.

    >>> seconds(0.0421), seconds(3.14), seconds(59.94), seconds(59.97), seconds(250)
    ('0.04 s', '3.1 s', '59.9 s', '1 min', '4 min 10 s')
    >>> seconds(3599.6), seconds(11520), seconds(86400 * 3 + 7200)
    ('1 h', '3 h 12 min', '3 d 2 h')
    """
    for places, below in ((2, 1), (1, 60)):
        if (rounded := round(number, places)) < below:
            return f"{rounded:.{places}f} s"
    per, unit, smaller, per_unit, _ = next(
        span for span in _SPANS if round(number / span[0]) * span[0] < span[4]
    )
    larger, rest = divmod(round(number / per), per_unit)
    return f"{larger} {unit}" + (f" {rest} {smaller}" if rest else "")


def _scaled(number: float, units: Sequence[str]) -> tuple[str, str]:
    """The number in the largest unit of which there is one, once it is rounded."""
    value = float(f"{number:.2e}")
    for unit in units[:-1]:
        if abs(value) < 1000:
            return significant(value), unit
        value /= 1000
    return significant(value), units[-1]
