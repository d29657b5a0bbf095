"""The arithmetic of the merge, exact and rounded once. Pure NumPy, no input or output.

    candidate = onto + (instruct − base)          (arXiv 2410.10739, section 3, equations 1 and 2)

Element by element: the three values are widened to float64 (every bfloat16, float16 and float32
is one exactly), summed with the rounding error of each addition kept beside the sum (Knuth's
TwoSum), and rounded once, to nearest even, to the output's type. Hence, bit for bit,

    onto = base      →  instruct      (nothing was trained)
    instruct = base  →  onto          (nothing was tuned)

Cost: about 50 passes over a slice in memory; 120 bytes of scratch an element.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

SCRATCH_BYTES_PER_ELEMENT = 128
FLOAT_DTYPES = ("BF16", "F16", "F32")

Words = npt.NDArray[Any]
Wide = npt.NDArray[np.float64]

_STORAGE = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32}


def merge_slice(onto: memoryview, base: memoryview, instruct: memoryview, dtype: str) -> bytes:
    """Bytes of onto + (instruct − base) for one slice; all little-endian and of `dtype`.

    Raises FloatingPointError where a value is NaN or infinite, or the result overflows.
    """
    o, b, i = (_widen(data, dtype) for data in (onto, base, instruct))
    if not all(np.isfinite(values).all() for values in (o, b, i)):
        raise FloatingPointError("a value is NaN or infinite")
    merged = _narrow(_sum_to_odd(o, -b, i), dtype)
    # A sum of zero has lost the zero's sign; the identities keep it.
    merged = np.where(_same(o, b), _words(instruct, dtype), merged)
    merged = np.where(_same(i, b), _words(onto, dtype), merged)
    if not np.isfinite(_widen(memoryview(merged.tobytes()), dtype)).all():
        raise FloatingPointError(f"the sum overflows {dtype}")
    return merged.tobytes()


def _words(data: memoryview, dtype: str) -> Words:
    return np.frombuffer(data, _STORAGE[dtype])


def _widen(data: memoryview, dtype: str) -> Wide:
    words = _words(data, dtype)
    if dtype == "BF16":
        words = (words.astype(np.uint32) << 16).view(np.float32)
    return words.astype(np.float64)


def _same(a: Wide, b: Wide) -> npt.NDArray[np.bool_]:
    """Equal including the sign of zero."""
    same: npt.NDArray[np.bool_] = (a == b) & (np.signbit(a) == np.signbit(b))
    return same


def _two_sum(a: Wide, b: Wide) -> tuple[Wide, Wide]:
    """The rounded sum and its exact error: a + b = sum + error (Knuth, TAOCP 2, 4.2.2)."""
    total = a + b
    shadow = total - a
    return total, (a - (total - shadow)) + (b - shadow)


def _sum_to_odd(a: Wide, b: Wide, c: Wide) -> Wide:
    """The sum a + b + c, cut to float64 with its last bit set where that is inexact.

    Such a value rounds on to a narrower type as the exact sum would (Boldo and Melquiond 2008,
    "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd").
    """
    first, lost_first = _two_sum(a, b)
    second, lost_second = _two_sum(first, c)
    lost, tiny = _two_sum(lost_first, lost_second)
    total, remainder = _two_sum(second, lost)
    remainder = remainder + tiny
    even = (total.view(np.uint64) & 1) == 0
    towards = np.copysign(np.inf, remainder)
    return np.where((remainder != 0) & even, np.nextafter(total, towards), total)


def _narrow(values: Wide, dtype: str) -> Words:
    """Rounds to nearest, ties to even, once."""
    with np.errstate(over="ignore", under="ignore"):
        if dtype != "BF16":
            narrow: Words = values.astype(_STORAGE[dtype])
            return narrow
        bits = _round_to_odd(values).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def _round_to_odd(values: Wide) -> npt.NDArray[np.float32]:
    """To float32, cut towards zero, its last bit set where that is inexact."""
    near = values.astype(np.float32)
    inexact = near.astype(np.float64) != values
    away = np.abs(near.astype(np.float64)) > np.abs(values)
    bits = near.view(np.uint32) - (inexact & away).astype(np.uint32)
    odd: npt.NDArray[np.float32] = (bits | inexact.astype(np.uint32)).view(np.float32)
    return odd
