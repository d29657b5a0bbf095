"""Exact sums of three numbers, rounded once: for every type, and whatever the magnitudes. NumPy.

Each value is widened to float64 (every bfloat16, float16 and float32 is one exactly), summed with
the rounding error of each addition kept beside the sum, cut to float64 with a sticky last bit, and
rounded once, to nearest even, to the result's type.

Cost: about 50 passes in memory, 30 ns an element; `jobs.merge.arithmetic.kernels` spares most
elements that.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

STORAGE: Final = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32}
"""Type in a safetensors file → NumPy's type for its elements; words of bfloat16 stay words."""

Words = npt.NDArray[Any]
Wide = npt.NDArray[np.float64]


def widen(words: Words, dtype: str) -> Wide:
    """Elements of `dtype` as float64."""
    if dtype == "BF16":
        words = (words.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(invalid="ignore"):  # a signalling NaN; NaNs are refused elsewhere
        return words.astype(np.float64)


def narrow(values: Wide, dtype: str) -> Words:
    """Elements of `dtype`: rounded to nearest, ties to even, once."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        if dtype != "BF16":
            return values.astype(STORAGE[dtype])
        bits = _float32_to_odd(values).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def add_three(a: Wide, b: Wide, c: Wide) -> Wide:
    """The sum (a + b) + c, cut to float64 with its last bit set where that is inexact.

    Such a value rounds on to a narrower type as the exact sum would (Boldo and Melquiond 2008,
    "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd").
    A sum of zero has the sign that (a + b) + c has in IEEE 754.
    """
    first, lost_first = _two_sum(a, b)
    second, lost_second = _two_sum(first, c)
    lost, tiny = _two_sum(lost_first, lost_second)
    total, remainder = _two_sum(second, lost)
    remainder = remainder + tiny
    even = (total.view(np.uint64) & 1) == 0
    towards = np.copysign(np.inf, remainder)
    odd = np.where((remainder != 0) & even, np.nextafter(total, towards), total)
    return np.where(odd == 0, second, odd)


def _two_sum(a: Wide, b: Wide) -> tuple[Wide, Wide]:
    """The rounded sum and its exact error: a + b = sum + error (Knuth, TAOCP 2, 4.2.2)."""
    total = a + b
    shadow = total - a
    return total, (a - (total - shadow)) + (b - shadow)


def _float32_to_odd(values: Wide) -> npt.NDArray[np.float32]:
    """To float32, cut towards zero, its last bit set where that is inexact."""
    near = values.astype(np.float32)
    inexact = near.astype(np.float64) != values
    away = np.abs(near.astype(np.float64)) > np.abs(values)
    bits = near.view(np.uint32) - (inexact & away).astype(np.uint32)
    odd: npt.NDArray[np.float32] = (bits | inexact.astype(np.uint32)).view(np.float32)
    return odd
