"""The arithmetic of the merge, exact and rounded once. Pure: arrays in, arrays out.

    candidate = onto + (instruct − base)          (arXiv 2410.10739, section 3, equations 1 and 2)

Element by element, as if in exact arithmetic, then rounded once, to nearest even, to the type of
the result. Hence, bit for bit,

    onto = base      →  instruct      (nothing was trained)
    instruct = base  →  onto          (nothing was tuned)

The three, and the result, may be of different types: every element is widened exactly. The result
has instruct's type. "Nothing was tuned" then means that instruct and base have the same values,
and what comes is onto, rounded once to instruct's type; where that holds onto's values it is onto,
bit for bit but for its type. (An instruct model that is its base *rounded* to a narrower type was
tuned by that rounding, which the sum carries over as it does any other change.)

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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jobs.merge.arithmetic import kernels
from jobs.merge.arithmetic.exact import NOT_FINITE, OVERFLOW, TYPES, Raw, combine, float16_values

_NOTHING = np.empty(0, np.uint8)


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


def merge(onto: Raw, base: Raw, instruct: Raw, out: Raw, types: Sequence[str]) -> Moments:
    """Sets out to onto + (instruct − base); `types` are those of the four.

    Raises FloatingPointError where a value is NaN or infinite, or the result overflows.
    """
    if set(types) != {"BF16"}:
        return _merge_exactly(onto, base, instruct, out, types)
    marks = np.empty(-(-onto.size // kernels.BLOCK), np.bool_)
    changed, sums = kernels.merge_bfloat16(onto, base, instruct, out, marks)
    for block in np.flatnonzero(marks):
        here = slice(block * kernels.BLOCK, (block + 1) * kernels.BLOCK)
        again = _merge_exactly(onto[here], base[here], instruct[here], out[here], types)
        changed += again.changed
    return Moments(onto.size, changed, *sums)


def _merge_exactly(onto: Raw, base: Raw, instruct: Raw, out: Raw, types: Sequence[str]) -> Moments:
    operands = {"onto": onto, "base": base, "instruct": instruct}
    overflow = f"the sum overflows {types[3]}"
    (changed, _, _), (training, residual, product) = _combine(operands, out, types, overflow)
    return Moments(out.size, changed, training, residual, product)


def subtract(instruct: Raw, base: Raw, out: Raw, types: Sequence[str]) -> Moments:
    """Sets out to instruct − base, the residual: what merging onto −0 gives. `types`: of the three.

    Raises FloatingPointError where a value is NaN or infinite, or the result overflows.
    """
    operands = {"base": base, "instruct": instruct}
    of_instruct, of_base, of_out = types
    overflow = f"the difference overflows {of_out}"
    (_, changed, inexact), (_, square, _) = _combine(
        operands, out, (of_out, of_base, of_instruct, of_out), overflow
    )
    return Moments(out.size, changed, np.nan, square, np.nan, inexact)


def add(onto: Raw, residual: Raw, out: Raw, dtype: str, residual_dtype: str) -> Moments:
    """Sets out to onto + residual, in onto's type.

    Raises FloatingPointError where a value is NaN or infinite, or the result overflows.
    """
    operands = {"onto": onto, "instruct": residual}
    types = dtype, dtype, residual_dtype, dtype
    overflow = f"the sum overflows {dtype}"
    (changed, _, _), (_, square, _) = _combine(operands, out, types, overflow, identities=False)
    return Moments(out.size, changed, np.nan, square, np.nan)


def copy(source: Raw, out: Raw, source_dtype: str, dtype: str) -> Moments:
    """Sets out to source, rounded where its type is narrower.

    Raises FloatingPointError where a value is NaN or infinite.
    """
    types = source_dtype, dtype, dtype, dtype
    overflow = f"a value overflows {dtype}"
    (_, _, inexact), _ = _combine({"onto": source}, out, types, overflow, identities=False)
    return Moments(out.size, inexact=inexact)


def _combine(
    operands: Mapping[str, Raw],
    out: Raw,
    dtypes: Sequence[str],
    overflow: str,
    *,
    identities: bool = True,
) -> tuple[list[int], list[float]]:
    """`exact.combine`'s counts and moments; `dtypes` are those of its operands, then of out."""
    onto, base, instruct = (
        operands[role].view(np.uint8) if role in operands else _NOTHING
        for role in ("onto", "base", "instruct")
    )
    types = tuple(TYPES[dtype] for dtype in dtypes)
    off = np.uint64(not identities)
    end, counts, moments = combine(
        onto, base, instruct, out.view(np.uint8), types, off, float16_values()
    )
    if end == NOT_FINITE:
        raise FloatingPointError("a value is NaN or infinite")
    if end == OVERFLOW:
        raise FloatingPointError(overflow)
    return counts.tolist(), moments.tolist()
