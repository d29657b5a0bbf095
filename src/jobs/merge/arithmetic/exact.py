"""Sums of weights of every type, exact and rounded once, whatever the magnitudes. Compiled, pure.

A block at a time, in the nearest cache: elements are widened to float64 (every bfloat16, float16
and float32 is one exactly), summed there, and rounded once, to nearest even, to the result's type.
Sums are exact in float64 (of float16 always: multiples of 2^-24 below 2^18 span 42 bits) unless
magnitudes lie more than 2^28 apart; TwoSum tells. A block in which one is not is done again, with
the rounding errors kept and the sum cut to float64, its last bit set: such a value rounds on to a
narrower type as the exact sum would (Boldo and Melquiond 2008, "Emulation of FMA and correctly
rounded sums: proved algorithms using rounding to odd").

Cost: 2.5 to 4 ns an element on one core with AVX2, 1 more in blocks that are done again. Compiling
it takes 3 seconds, once a machine.
"""

import functools
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from jobs.merge.arithmetic.kernels import (
    BLOCK,
    SUMMING,
    compiled,
    f32,
    two_sum,
    u16,
    u32,
    widen_bfloat16,
)

STORAGE: Final = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32}
"""Type in a safetensors file → NumPy's type for its elements; words of bfloat16 stay words."""

BF16, F16, F32 = range(3)
TYPES: Final = {"BF16": BF16, "F16": F16, "F32": F32}
"""The types' numbers in compiled code."""
WIDTHS = (2, 2, 4)  # bytes an element, by these numbers

DONE, NOT_FINITE, OVERFLOW = range(3)

Raw = npt.NDArray[Any]
u64, f64 = np.uint64, np.float64
SIGN, EXPONENT = u64(1 << 63), u64(0x7FF << 52)


def are_finite(words: Raw, dtype: str) -> bool:
    """Whether no element is NaN or infinite."""
    if dtype == "BF16":
        words = (words.astype(np.uint32) << 16).view(np.float32)
    return bool(np.isfinite(words).all())


@functools.cache
def float16_values() -> npt.NDArray[np.float32]:
    """The value of every word of float16: to look one up is faster than to work it out."""
    with np.errstate(invalid="ignore"):  # the signalling NaNs among them
        return np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)


@compiled()
def _bits(value):  # type: ignore[no-untyped-def]
    return f64(value).view(u64)


@compiled()
def _float(bits):  # type: ignore[no-untyped-def]
    return u64(bits).view(f64)


@compiled()
def _add_three(a, b, c):  # type: ignore[no-untyped-def]
    """The sum (a + b) + c, cut to float64 with its last bit set where that is inexact.

    A sum of zero has the sign that (a + b) + c has in IEEE 754.
    """
    first, lost_first = two_sum(a, b)
    second, lost_second = two_sum(first, c)
    lost, tiny = two_sum(lost_first, lost_second)
    total, remainder = two_sum(second, lost)
    remainder = remainder + tiny
    bits = _bits(total)
    inexact_and_even = u64(remainder != 0) & u64(~bits & u64(1))
    outwards = (remainder > 0) == (total > 0)
    odd = _float(bits + inexact_and_even if outwards else bits - inexact_and_even)
    return second if odd == 0 else odd


@compiled()
def _keep_identities(onto, base, instruct, total, off):  # type: ignore[no-untyped-def]
    """The total, or which zero it is: a sum of zero has lost the sign; `off` (1) leaves it so."""
    o, b, i = _bits(onto), _bits(base), _bits(instruct)
    total = instruct if u64(u64(o ^ b) | off) == 0 else total
    return onto if u64(u64(i ^ b) | off) == 0 else total


@compiled(fastmath=SUMMING)
def _sum_block(onto, base, instruct, off, out):  # type: ignore[no-untyped-def]
    """Sets out to onto + (instruct − base), all float64 [elements].

    Returns whether all sums are exact (none is where a value is not finite), and the moments.
    """
    lost = u64(0)
    training = residual = product = 0.0
    for k in range(onto.size):
        trained, lost_first = two_sum(onto[k], -base[k])
        total, lost_second = two_sum(trained, instruct[k])
        out[k] = _keep_identities(onto[k], base[k], instruct[k], total, off)
        lost = u64(lost | u64(_bits(lost_first) | _bits(lost_second)))
        tuned = instruct[k] - base[k]
        training += trained * trained
        residual += tuned * tuned
        product += trained * tuned
    return u64(lost & ~SIGN) == 0, (training, residual, product)


@compiled()
def _sum_block_exactly(onto, base, instruct, off, out):  # type: ignore[no-untyped-def]
    """The same, where sums are not exact: cut as `_add_three` does; whether all are finite."""
    wrong = u64(0)
    for k in range(onto.size):
        total = _add_three(onto[k], -base[k], instruct[k])
        wrong = u64(wrong | u64(u64(_bits(total) & EXPONENT) == EXPONENT))
        out[k] = _keep_identities(onto[k], base[k], instruct[k], total, off)
    return wrong == 0


@compiled()
def _widen_if_any(data, first, dtype, float16, out):  # type: ignore[no-untyped-def]
    """Sets out (float64) to the elements from the first on, if there are any bytes."""
    if data.size == 0:
        return
    width = WIDTHS[dtype]
    data = data[first * width : (first + out.size) * width]
    if dtype == BF16:
        words = data.view(np.uint16)
        for k in range(out.size):
            out[k] = widen_bfloat16(words[k])
    elif dtype == F16:
        words = data.view(np.uint16)
        for k in range(out.size):
            out[k] = float16[words[k]]
    else:
        values = data.view(np.float32)
        for k in range(out.size):
            out[k] = values[k]


@compiled()
def _narrow_block(values, dtype, data):  # type: ignore[no-untyped-def]
    """Sets the bytes to the values, rounded once to nearest even; whether all are finite."""
    if dtype == BF16:
        return _round_to_half(values, data.view(np.uint16), 7, 2.0**-126, 0x7F80)
    if dtype == F16:
        return _round_to_half(values, data.view(np.uint16), 10, 2.0**-14, 0x7C00)
    wrong = u32(0)
    out = data.view(np.float32)
    for k in range(values.size):
        out[k] = f32(values[k])
        wrong = u32(wrong | u32(abs(out[k]) == f32(np.inf)))
    return wrong == 0


@compiled()
def _round_to_half(values, out, fraction_bits, smallest_normal, infinity):  # type: ignore[no-untyped-def]
    """Sets out to the words of the values (float64); whether all are finite.

    A word counts the steps between its type's numbers from zero on: all that the smaller powers of
    two take up, and within one the multiples of its unit, found by adding a number that has it as
    its unit.
    """
    wrong = u64(0)
    spare = u64(52 - fraction_bits)
    least = _bits(smallest_normal)
    for k in range(values.size):
        bits = _bits(values[k])
        magnitude = u64(bits & ~SIGN)
        power = max(u64(magnitude & EXPONENT), least)
        unit = u64(power + u64(spare << u64(52)))
        steps = u64(_bits(_float(magnitude) + _float(unit)) - unit)
        word = u64(u64(u64(power - least) >> spare) + steps)
        wrong = u64(wrong | u64(word >= u64(infinity)))
        out[k] = u16(word | u64(u64(bits >> u64(63)) << u64(15)))
    return wrong == 0


@compiled()
def _counts(onto, total, stored):  # type: ignore[no-untyped-def]
    """Three counts of elements: what is stored differs from onto; the total is not zero; it is not
    what is stored.
    """
    changed = others = inexact = u64(0)
    for k in range(onto.size):
        changed = u64(changed + u64(_bits(stored[k]) != _bits(onto[k])))
        others = u64(others + u64(total[k] != 0))
        inexact = u64(inexact + u64(stored[k] != total[k]))
    return changed, others, inexact


@compiled()
def combine(onto, base, instruct, out, types, off, float16):  # type: ignore[no-untyped-def]
    """Sets out to onto + (instruct − base), all bytes, of `types` (numbers of these four).

    An operand without bytes is nothing: −0, or +0 as the base. `off` (1) lets sums of zero have the
    sign that they have in IEEE 754, where the identities do not hold. `float16`: the words' values.
    Returns DONE, or at once NOT_FINITE (an operand) or OVERFLOW (out); `_counts`; and moments.
    """
    rows = np.empty((5, BLOCK))
    rows[0], rows[1], rows[2] = -0.0, 0.0, -0.0
    counts = np.zeros(3, np.int64)
    moments = np.zeros(3)
    width = WIDTHS[types[3]]
    for first in range(0, out.size // width, BLOCK):
        size = min(BLOCK, out.size // width - first)
        o, b, i = rows[0, :size], rows[1, :size], rows[2, :size]
        total, stored = rows[3, :size], rows[4, :size]
        _widen_if_any(onto, first, types[0], float16, o)
        _widen_if_any(base, first, types[1], float16, b)
        _widen_if_any(instruct, first, types[2], float16, i)
        exact, sums = _sum_block(o, b, i, off, total)
        if not exact and not _sum_block_exactly(o, b, i, off, total):
            return NOT_FINITE, counts, moments
        if not _narrow_block(total, types[3], out[first * width : (first + size) * width]):
            return OVERFLOW, counts, moments
        _widen_if_any(out, first, types[3], float16, stored)
        found = _counts(o, total, stored)
        for k in range(3):
            counts[k] += np.int64(found[k])
            moments[k] += sums[k]
    return DONE, counts, moments
