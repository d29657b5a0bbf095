"""Exact rational arithmetic on the words of each type: what the merge's arithmetic is held to."""

import math
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from jobs.merge.arithmetic import merge as arithmetic
from jobs.merge.arithmetic.exact import STORAGE

# dtype → (bits, bits of the exponent, bits of the fraction)
FORMATS = {"BF16": (16, 8, 7), "F16": (16, 5, 10), "F32": (32, 8, 23)}
NOT_FINITE = {"BF16": (0x7FC0, 0x7F80), "F16": (0x7E00, 0xFC00), "F32": (0x7FA00000, 0xFF800000)}
WORDS = {16: np.uint16, 32: np.uint32}


def two_to(power: int) -> Fraction:
    return Fraction(2**power) if power >= 0 else Fraction(1, 2**-power)


def decode(word: int, dtype: str) -> Fraction:
    """The value of a finite word, by the definition of the format."""
    bits, exponent_bits, fraction_bits = FORMATS[dtype]
    sign = Fraction(-1 if word >> (bits - 1) else 1)
    exponent = (word >> fraction_bits) & (2**exponent_bits - 1)
    fraction = word & (2**fraction_bits - 1)
    bias = 2 ** (exponent_bits - 1) - 1
    if exponent == 0:
        return sign * Fraction(fraction) * two_to(1 - bias - fraction_bits)
    return sign * Fraction(2**fraction_bits + fraction) * two_to(exponent - bias - fraction_bits)


def encode(value: Fraction, dtype: str) -> int | None:
    """The word nearest to a value other than zero, ties to even; None where it overflows."""
    bits, exponent_bits, fraction_bits = FORMATS[dtype]
    bias = 2 ** (exponent_bits - 1) - 1
    magnitude: Fraction = abs(value)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if magnitude < two_to(exponent):
        exponent -= 1
    exponent = max(exponent, 1 - bias)  # below are the subnormals
    units: int = round(magnitude / two_to(exponent - fraction_bits))  # half to even
    word: int = ((exponent + bias - 1) << fraction_bits) + units
    if word >= (2**exponent_bits - 1) << fraction_bits:
        return None
    return word | ((value < 0) << (bits - 1))


def array(words: list[int], dtype: str) -> np.ndarray:
    return np.array(words, WORDS[FORMATS[dtype][0]]).view(STORAGE[dtype])


def words_of(values: np.ndarray, dtype: str) -> list[int]:
    found: list[int] = values.view(WORDS[FORMATS[dtype][0]]).tolist()
    return found


def merged(onto: list[int], base: list[int], instruct: list[int], dtype: str) -> list[int]:
    out = array([0] * len(onto), dtype)
    o, b, i = (array(words, dtype) for words in (onto, base, instruct))
    arithmetic.merge(o, b, i, out, (dtype,) * 4)
    return words_of(out, dtype)


def subtracted(instruct: int, base: int, dtype: str, stored: str) -> tuple[np.ndarray, int]:
    out = array([0], stored)
    types = dtype, dtype, stored
    moments = arithmetic.subtract(array([instruct], dtype), array([base], dtype), out, types)
    return out, moments.inexact


def added(onto: int, residual: np.ndarray, dtype: str, stored: str) -> int:
    out = array([0], dtype)
    arithmetic.add(array([onto], dtype), residual, out, dtype, stored)
    return words_of(out, dtype)[0]


def finite_words(dtype: str) -> st.SearchStrategy[int]:
    """Any finite value of a format: normal, subnormal, both zeros."""
    bits, exponent_bits, fraction_bits = FORMATS[dtype]
    largest = ((2**exponent_bits - 1) << fraction_bits) - 1
    near_one = (2 ** (exponent_bits - 1) - 1) << fraction_bits
    magnitude = st.one_of(
        st.integers(0, largest),
        st.integers(0, 2**fraction_bits + 1),
        st.integers(near_one - 9 * 2**fraction_bits, near_one),  # as weights are
    )
    return st.builds(lambda sign, size: (sign << (bits - 1)) | size, st.integers(0, 1), magnitude)


@st.composite
def triples(draw: st.DrawFn, dtypes: tuple[str, ...] = tuple(FORMATS)) -> tuple[str, int, int, int]:
    dtype = draw(st.sampled_from(dtypes))
    words = finite_words(dtype)
    return dtype, draw(words), draw(words), draw(words)


def zero(onto: int, base: int, instruct: int, dtype: str) -> int:
    """Which zero a sum of zero is: as the identities say, else as IEEE 754 adds."""
    if instruct == base:
        return onto
    if onto == base:
        return instruct
    o, b, i = (math.copysign(float(decode(w, dtype)), -1 if w >> (FORMATS[dtype][0] - 1) else 1)
               for w in (onto, base, instruct))  # fmt: skip
    negative = math.copysign(1, (o - b) + i) < 0
    return negative << (FORMATS[dtype][0] - 1)
