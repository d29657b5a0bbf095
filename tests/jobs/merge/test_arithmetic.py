"""The merge's arithmetic against exact rational arithmetic."""

import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs.merge.arithmetic import merge_slice

# dtype → (bits, bits of the exponent, bits of the fraction)
FORMATS = {"BF16": (16, 8, 7), "F16": (16, 5, 10), "F32": (32, 8, 23)}


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
    exponent = 1 - bias
    while magnitude >= two_to(exponent + 1):
        exponent += 1
    units: int = round(magnitude / two_to(exponent - fraction_bits))  # half to even
    word: int = ((exponent + bias - 1) << fraction_bits) + units
    if word >= (2**exponent_bits - 1) << fraction_bits:
        return None
    return word | ((value < 0) << (bits - 1))


def merged_word(onto: int, base: int, instruct: int, dtype: str) -> int:
    code = "<H" if FORMATS[dtype][0] == 16 else "<I"
    o, b, i = (memoryview(struct.pack(code, word)) for word in (onto, base, instruct))
    (word,) = struct.unpack(code, merge_slice(o, b, i, dtype))
    return int(word)


@st.composite
def triples(draw: st.DrawFn) -> tuple[str, int, int, int]:
    dtype = draw(st.sampled_from(sorted(FORMATS)))
    bits, exponent_bits, fraction_bits = FORMATS[dtype]
    infinite = (2**exponent_bits - 1) << fraction_bits
    word = st.builds(
        lambda negative, magnitude: (negative << (bits - 1)) | magnitude,
        st.integers(0, 1),
        st.integers(0, infinite - 1),
    )
    return dtype, draw(word), draw(word), draw(word)


@settings(max_examples=2000, deadline=None)
@given(triples())
@example(("BF16", 0x7149, 0x7149, 0x0001))  # onto = base, a subnormal comes through
@example(("BF16", 0x2EDC, 0x7149, 0x7149))  # instruct = base, 1e30 against 1e-10
@example(("BF16", 0x3F80, 0x0001, 0x3B80))  # just beside a tie
@example(("F32", 0x4B800000, 0x80000001, 0x3F800000))
def test_equals_the_exact_sum_rounded_once(triple: tuple[str, int, int, int]) -> None:
    dtype, onto, base, instruct = triple
    exact = decode(onto, dtype) - decode(base, dtype) + decode(instruct, dtype)
    expected = encode(exact, dtype) if exact else 0
    if expected is None:
        with pytest.raises(FloatingPointError, match="overflows"):
            merged_word(onto, base, instruct, dtype)
        return
    found = merged_word(onto, base, instruct, dtype)
    if exact:
        assert found == expected
    else:
        assert decode(found, dtype) == 0


@settings(max_examples=500, deadline=None)
@given(triples())
def test_identities_hold_bit_for_bit(triple: tuple[str, int, int, int]) -> None:
    dtype, a, b, _ = triple
    assert merged_word(a, a, b, dtype) == b, "nothing trained gives the instruct model"
    assert merged_word(a, b, b, dtype) == a, "nothing tuned gives the new base"


@pytest.mark.parametrize(("dtype", "nan"), [("BF16", 0x7FC0), ("F16", 0x7E00), ("F32", 0x7F800000)])
def test_refuses_what_is_not_finite(dtype: str, nan: int) -> None:
    with pytest.raises(FloatingPointError, match="NaN or infinite"):
        merged_word(0, nan, 0, dtype)


def test_works_on_many_elements_at_once() -> None:
    rng = np.random.default_rng(0)
    onto, base, instruct = (
        rng.standard_normal(1000).astype(np.float32).view(np.uint32) >> 16 for _ in range(3)
    )
    o, b, i = (memoryview(x.astype(np.uint16).tobytes()) for x in (onto, base, instruct))
    merged = np.frombuffer(merge_slice(o, b, i, "BF16"), np.uint16)
    expected = [
        merged_word(x, y, z, "BF16")
        for x, y, z in zip(onto.tolist(), base.tolist(), instruct.tolist(), strict=True)
    ]
    assert merged.tolist() == expected
