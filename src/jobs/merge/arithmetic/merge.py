"""The arithmetic of the merge, exact and rounded once. Pure: arrays in, arrays out.

    candidate = onto + (instruct − base)          (arXiv 2410.10739, section 3, equations 1 and 2)

Element by element, as if in exact arithmetic, then rounded once, to nearest even, to the type of
the result. Hence, bit for bit,

    onto = base      →  instruct      (nothing was trained)
    instruct = base  →  onto          (nothing was tuned)

The residual instruct − base may be stored and added later. Where it is exact in the type it is
stored in (`Moments.inexact` counts where it is not), onto + residual has the same bits as the
direct merge, with one exception: an element whose instruct is −0, whose base is not, and whose
onto equals base, becomes +0 instead of −0. For bfloat16 models stored in float32 it is exact
wherever instruct and base are less than 2^16 apart in magnitude, or either is 0: two significands
of 8 bits that far apart span 24. (A difference beyond 3.4e38 is refused as a residual, though the
direct merge may be possible.) To keep onto's zeros, the residual of equal elements is stored as
−0, the one number that adding never changes anything.

All arrays are one-dimensional, [elements], of the type that `exact.STORAGE` gives for a dtype.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from jobs.merge.arithmetic import kernels
from jobs.merge.arithmetic.exact import Wide, Words, add_three, narrow, widen

STRETCH = 16 * kernels.BLOCK
"""Elements that are widened together: a fixed scratch of about 2 MB, however large a tensor."""


@dataclass
class Moments:
    """Sums over elements, in float64; NaN where an operand is not known."""

    elements: int = 0
    changed: int = 0
    """Elements of the result that differ from onto (of a residual: that are not zero)."""
    training: float = 0.0
    """Of (onto − base)², what training changed."""
    residual: float = 0.0
    """Of (instruct − base)²."""
    product: float = 0.0
    """Of (onto − base)(instruct − base)."""
    inexact: int = 0
    """Elements of a residual that its type cannot hold exactly."""

    def add(self, other: "Moments") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def merge(onto: Words, base: Words, instruct: Words, out: Words, dtype: str) -> Moments:
    """Sets out to onto + (instruct − base).

    Raises FloatingPointError where a value is NaN or infinite, or the result overflows.
    """
    if dtype == "BF16":
        marks = np.empty(-(-onto.size // kernels.BLOCK), np.bool_)
        changed, sums = kernels.merge_bfloat16(onto, base, instruct, out, marks)
        for block in np.flatnonzero(marks):
            here = slice(block * kernels.BLOCK, (block + 1) * kernels.BLOCK)
            _merge_exactly(onto[here], base[here], instruct[here], out[here], dtype)
            changed += _differing(out[here], onto[here])
    else:
        changed, sums = 0, np.zeros(3)
        for here in _stretches(onto.size):
            o, b, i = _finite((words[here], dtype) for words in (onto, base, instruct))
            sums += np.dot(o - b, o - b), np.dot(i - b, i - b), np.dot(o - b, i - b)
            out[here] = narrow(_sum(o, -b, i), dtype)
            _keep_identities(onto[here], base[here], instruct[here], out[here])
            _finite([(out[here], dtype)], f"the sum overflows {dtype}")
            changed += _differing(out[here], onto[here])
    training, residual, product = map(float, sums)
    return Moments(onto.size, changed, training, residual, product)


def subtract(instruct: Words, base: Words, out: Words, dtype: str, out_dtype: str) -> Moments:
    """Sets out to instruct − base, the residual, in a type of its own.

    Raises FloatingPointError where a value is NaN or infinite, or the result overflows.
    """
    found = Moments(instruct.size, training=np.nan, product=np.nan)
    for here in _stretches(instruct.size):
        i, b = _finite([(instruct[here], dtype), (base[here], dtype)])
        exact = _sum(i, -b, np.full_like(i, -0.0))
        exact[_bits(instruct[here]) == _bits(base[here])] = -0.0
        out[here] = narrow(exact, out_dtype)
        (stored,) = _finite([(out[here], out_dtype)], f"the difference overflows {out_dtype}")
        found.inexact += int(np.count_nonzero(stored != exact))
        found.changed += int(np.count_nonzero(exact))
        found.residual += float(np.dot(exact, exact))
    return found


def add(onto: Words, residual: Words, out: Words, dtype: str, residual_dtype: str) -> Moments:
    """Sets out to onto + residual, in onto's type.

    Raises FloatingPointError where a value is NaN or infinite, or the result overflows.
    """
    found = Moments(onto.size, training=np.nan, product=np.nan)
    for here in _stretches(onto.size):
        o, r = _finite([(onto[here], dtype), (residual[here], residual_dtype)])
        out[here] = narrow(_sum(o, r, np.full_like(o, -0.0)), dtype)
        _finite([(out[here], dtype)], f"the sum overflows {dtype}")
        found.residual += float(np.dot(r, r))
        found.changed += _differing(out[here], onto[here])
    return found


def copy(source: Words, out: Words, source_dtype: str, dtype: str) -> Moments:
    """Sets out to source, rounded where its type is narrower.

    Raises FloatingPointError where a value is NaN or infinite.
    """
    found = Moments(source.size)
    for here in _stretches(source.size):
        (values,) = _finite([(source[here], source_dtype)])
        out[here] = source[here] if source_dtype == dtype else narrow(values, dtype)
        (copied,) = _finite([(out[here], dtype)], f"a value overflows {dtype}")
        found.inexact += int(np.count_nonzero(copied != values))
    return found


def _stretches(size: int) -> Iterator[slice]:
    return (slice(start, min(size, start + STRETCH)) for start in range(0, size, STRETCH))


def _sum(a: Wide, b: Wide, c: Wide) -> Wide:
    """(a + b) + c, such that it rounds on as the exact sum would."""
    out = np.empty_like(a)
    if kernels.add_three(a, b, c, out):
        return add_three(a, b, c)
    return out


def _merge_exactly(onto: Words, base: Words, instruct: Words, out: Words, dtype: str) -> None:
    o, b, i = _finite((words, dtype) for words in (onto, base, instruct))
    out[:] = narrow(add_three(o, -b, i), dtype)
    _keep_identities(onto, base, instruct, out)
    _finite([(out, dtype)], f"the sum overflows {dtype}")


def _keep_identities(onto: Words, base: Words, instruct: Words, out: Words) -> None:
    """A sum of zero has lost the zero's sign."""
    o, b, i = (_bits(words) for words in (onto, base, instruct))
    np.copyto(out, instruct, where=o == b)
    np.copyto(out, onto, where=i == b)


def _finite(
    operands: Iterable[tuple[Words, str]], otherwise: str = "a value is NaN or infinite"
) -> list[Wide]:
    """Words and their types, widened. Raises FloatingPointError where one is not finite."""
    wide = [widen(words, dtype) for words, dtype in operands]
    if not all(np.isfinite(values).all() for values in wide):
        raise FloatingPointError(otherwise)
    return wide


def _differing(a: Words, b: Words) -> int:
    return int(np.count_nonzero(_bits(a) != _bits(b)))


def _bits(words: Words) -> Words:
    """The elements' bits as integers, so that +0 and −0 differ."""
    return words.view(np.uint16 if words.itemsize == 2 else np.uint32)
