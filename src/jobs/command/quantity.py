"""Counts as people write them: ``100M`` tokens, ``5GiB`` of memory."""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {
    "": 1, "K": 10**3, "M": 10**6, "B": 10**9, "G": 10**9, "T": 10**12,
    "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40,
}  # fmt: skip


def parse_count(value: object) -> object:
    """A number with a unit, as an integer; anything else is passed on to the validator.

    >>> parse_count("100M"), parse_count("1.5B"), parse_count("2GiB"), parse_count("4096")
    (100000000, 1500000000, 2147483648, 4096)
    """
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", value)
    unit = match and _UNITS.get(match[2].upper())
    if not match or not unit:
        raise ValueError("expected a count such as 4096, 100M, 1B or 2GiB")
    try:
        return round(float(match[1]) * unit)
    except OverflowError as error:
        raise ValueError("expected a count that a machine can hold") from error


def count_text(number: int) -> str:
    """A count as `parse_count` reads it, in the largest unit that it is whole in.

    >>> count_text(5 * 10**9), count_text(2**28), count_text(4095)
    ('5G', '256MiB', '4095')
    """
    for unit in ("TIB", "GIB", "MIB", "T", "G", "M"):
        if number and number % _UNITS[unit] == 0:
            return f"{number // _UNITS[unit]}{unit.replace('IB', 'iB')}"
    return str(number)


def is_count(metadata: Iterable[object]) -> bool:
    """Whether a field with this metadata is a `Count`."""
    return any(getattr(item, "func", None) is parse_count for item in metadata)


Count = Annotated[int, BeforeValidator(parse_count)]
