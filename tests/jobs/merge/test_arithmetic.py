"""The merge's arithmetic against exact rational arithmetic."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from jobs.merge.arithmetic import kernels
from jobs.merge.arithmetic import merge as arithmetic
from tests.jobs.merge.rational import (
    FORMATS,
    NOT_FINITE,
    added,
    array,
    decode,
    encode,
    finite_words,
    merged,
    subtracted,
    triples,
    two_to,
    words_of,
    zero,
)


@settings(max_examples=1500, deadline=None)
@given(triples())
@example(("BF16", 0x7149, 0x7149, 0x0001))  # onto = base, a subnormal comes through
@example(("BF16", 0x2EDC, 0x7149, 0x7149))  # instruct = base, 1e30 against 1e-10
@example(("BF16", 0x3F80, 0x0001, 0x3B80))  # just beside a tie
@example(("BF16", 0x7F7F, 0xFF7F, 0xFF7F))  # onto − base overflows float32, the sum does not
@example(("F32", 0x4B800000, 0x80000001, 0x3F800000))
def test_equals_the_exact_sum_rounded_once(triple: tuple[str, int, int, int]) -> None:
    dtype, onto, base, instruct = triple
    exact = decode(onto, dtype) - decode(base, dtype) + decode(instruct, dtype)
    expected = encode(exact, dtype) if exact else zero(onto, base, instruct, dtype)
    if expected is None:
        with pytest.raises(FloatingPointError, match="overflows"):
            merged([onto], [base], [instruct], dtype)
        return
    assert merged([onto], [base], [instruct], dtype) == [expected]


@settings(max_examples=1000, deadline=None)
@given(triples())
@example(("BF16", 0x8000, 0x0000, 0x0000))  # −0 where training changed nothing else
def test_identities_hold_bit_for_bit(triple: tuple[str, int, int, int]) -> None:
    dtype, a, b, _ = triple
    assert merged([a], [a], [b], dtype) == [b], "nothing trained gives the instruct model"
    assert merged([a], [b], [b], dtype) == [a], "nothing tuned gives the new base"


@settings(max_examples=1500, deadline=None)
@given(triples(), st.sampled_from(["F32", "F16", "BF16"]))
def test_the_residual_is_the_exact_difference_rounded_once(
    triple: tuple[str, int, int, int], stored: str
) -> None:
    dtype, instruct, base, _ = triple
    exact = decode(instruct, dtype) - decode(base, dtype)
    expected = encode(exact, stored) if exact else None
    if exact and expected is None:
        with pytest.raises(FloatingPointError, match="overflows"):
            subtracted(instruct, base, dtype, stored)
        return
    found, inexact = subtracted(instruct, base, dtype, stored)
    (word,) = words_of(found, stored)
    if expected is not None:
        assert word == expected
        assert inexact == (decode(word, stored) != exact)
    else:
        assert decode(word, stored) == 0
        assert inexact == 0


@settings(max_examples=1500, deadline=None)
@given(triples(), st.sampled_from(list(FORMATS)), st.data())
def test_adding_a_residual_of_any_type_rounds_once(
    triple: tuple[str, int, int, int], stored: str, data: st.DataObject
) -> None:
    dtype, onto, _, _ = triple
    residual = data.draw(finite_words(stored))
    exact = decode(onto, dtype) + decode(residual, stored)
    if not exact:
        minus = onto >> (FORMATS[dtype][0] - 1) and residual >> (FORMATS[stored][0] - 1)
        expected = 1 << (FORMATS[dtype][0] - 1) if minus else 0
        assert added(onto, array([residual], stored), dtype, stored) == expected
    elif (nearest := encode(exact, dtype)) is None:
        with pytest.raises(FloatingPointError, match="the sum overflows"):
            added(onto, array([residual], stored), dtype, stored)
    else:
        assert added(onto, array([residual], stored), dtype, stored) == nearest


@settings(max_examples=2000, deadline=None)
@given(triples(("BF16", "F16")))
@example(("BF16", 0x3F80, 0x3F80, 0x8000))  # the exception
@example(("BF16", 0x0000, 0x0000, 0x8000))  # and again, at zero
@example(("BF16", 0xBF80, 0x3080, 0x3F80))  # 1 − 2⁻³⁰ is not a float32; minus one shows it
def test_a_stored_residual_gives_the_same_bits(triple: tuple[str, int, int, int]) -> None:
    """The statement of the module's docstring, with both of its exceptions."""
    dtype, onto, base, instruct = triple
    try:
        (direct,) = merged([onto], [base], [instruct], dtype)
        residual, inexact = subtracted(instruct, base, dtype, "F32")
    except FloatingPointError:
        assume(False)
    if inexact:
        return
    minus_zero = 1 << (FORMATS[dtype][0] - 1)
    exception = instruct == minus_zero and base != minus_zero and onto == base
    assert added(onto, residual, dtype, "F32") == (0 if exception else direct)


@settings(max_examples=1500, deadline=None)
@given(finite_words("BF16"), finite_words("BF16"))
def test_where_a_residual_of_bfloat16_is_exact(instruct: int, base: int) -> None:
    """Less than 2^16 apart in magnitude, or one of them zero: sufficient, as the docstring says."""
    a, b = abs(decode(instruct, "BF16")), abs(decode(base, "BF16"))
    near = not a or not b or max(a, b) < 2**16 * min(a, b)
    assume(near and max(a, b) < two_to(127))  # beyond, float32 overflows
    assert subtracted(instruct, base, "BF16", "F32")[1] == 0


def test_where_a_residual_is_not_exact_the_candidate_may_differ() -> None:
    onto, base, instruct = 0xBF80, 0x3080, 0x3F80  # −1, 2⁻³⁰, 1
    residual, inexact = subtracted(instruct, base, "BF16", "F32")
    assert inexact == 1
    assert merged([onto], [base], [instruct], "BF16") == [0xB080], "−2⁻³⁰"
    assert added(onto, residual, "BF16", "F32") == 0


@pytest.mark.parametrize("dtype", FORMATS)
def test_refuses_what_is_not_finite(dtype: str) -> None:
    for wrong in NOT_FINITE[dtype]:
        for place in range(3):
            words = [0, 0, 0]
            words[place] = wrong
            with pytest.raises(FloatingPointError, match="NaN or infinite"):
                merged(words[:1], words[1:2], words[2:], dtype)
            with pytest.raises(FloatingPointError, match="NaN or infinite"):
                arithmetic.copy(array([wrong], dtype), array([0], dtype), dtype, dtype)
        with pytest.raises(FloatingPointError, match="NaN or infinite"):
            added(0, array([wrong], dtype), "BF16", dtype)
        with pytest.raises(FloatingPointError, match="NaN or infinite"):
            subtracted(wrong, wrong, dtype, "F32")


@pytest.mark.parametrize("dtype", FORMATS)
def test_many_elements_with_a_few_that_are_inexact(dtype: str) -> None:
    """Blocks that are marked are done again, and only they; the last block is short."""
    rng = np.random.default_rng(0)
    size = 5 * kernels.BLOCK + 77
    _, exponent_bits, fraction_bits = FORMATS[dtype]
    one = (2 ** (exponent_bits - 1) - 1) << fraction_bits
    words = [rng.integers(one - 2 ** (fraction_bits + 2), one, size) for _ in range(3)]
    words[1][[3, size - 1]] = 1  # the smallest subnormal
    onto, base, instruct = (part.tolist() for part in words)
    expected = [
        encode(exact, dtype) if exact else zero(o, b, i, dtype)
        for o, b, i in zip(onto, base, instruct, strict=True)
        for exact in [decode(o, dtype) - decode(b, dtype) + decode(i, dtype)]
    ]
    assert merged(onto, base, instruct, dtype) == expected


def edges(dtype: str) -> list[int]:
    """Zeros, subnormals, and neighbours of powers of two near and far: ties and cancellation."""
    _, exponent_bits, fraction_bits = FORMATS[dtype]
    one = 2 ** (exponent_bits - 1) - 1
    powers = [(one + p) << fraction_bits for p in (-13, -fraction_bits - 1, -1, 0, 2)]
    sizes = [0, 1, 2**fraction_bits - 1, 2**fraction_bits] + [p + d for p in powers for d in (0, 1)]
    return sizes + [size | 1 << (FORMATS[dtype][0] - 1) for size in sizes]


@pytest.mark.parametrize("dtype", FORMATS)
def test_edges_against_edges(dtype: str) -> None:
    """All at once, so that the compiled loops go over them in their vectors."""
    onto, base, instruct = map(list, zip(*itertools.product(edges(dtype), repeat=3), strict=True))
    value = {word: decode(word, dtype) for word in edges(dtype)}
    sums = [value[o] - value[b] + value[i] for o, b, i in zip(onto, base, instruct, strict=True)]
    nearest = {exact: encode(exact, dtype) for exact in set(sums) if exact}
    expected = [
        nearest[exact] if exact else zero(o, b, i, dtype)
        for exact, o, b, i in zip(sums, onto, base, instruct, strict=True)
    ]
    assert merged(onto, base, instruct, dtype) == expected


@pytest.mark.parametrize("stored", FORMATS)
@pytest.mark.parametrize("dtype", FORMATS)
def test_residuals_of_edges(dtype: str, stored: str) -> None:
    """Extracted and copied, with the count of what the type does not hold; −0 where equal."""
    instruct, base = map(list, zip(*itertools.product(edges(dtype), repeat=2), strict=True))
    out = array([0] * len(base), stored)
    exact = [decode(i, dtype) - decode(b, dtype) for i, b in zip(instruct, base, strict=True)]
    types = dtype, dtype, stored
    found = arithmetic.subtract(array(instruct, dtype), array(base, dtype), out, types)
    minus_zero = 1 << (FORMATS[stored][0] - 1)
    expected = [
        encode(e, stored) if e else minus_zero * (i == b or bool(i and not b))
        for e, i, b in zip(exact, instruct, base, strict=True)
    ]
    assert words_of(out, stored) == expected
    lost = sum(decode(w, stored) != e for w, e in zip(words_of(out, stored), exact, strict=True))
    assert (found.inexact, found.changed) == (lost, sum(map(bool, exact)))
    arithmetic.copy(array(instruct, dtype), out, dtype, stored)
    for word, i in zip(words_of(out, stored), instruct, strict=True):
        assert decode(word, stored) == decode(i, dtype) or word == encode(decode(i, dtype), stored)


@pytest.mark.parametrize("dtype", FORMATS)
def test_moments(dtype: str) -> None:
    rng = np.random.default_rng(1)
    _, exponent_bits, fraction_bits = FORMATS[dtype]
    one = (2 ** (exponent_bits - 1) - 1) << fraction_bits
    words = [rng.integers(one - 2 ** (fraction_bits + 2), one, 3000).tolist() for _ in range(3)]
    words[2][:1000] = words[1][:1000]  # the residual is zero there, and onto unchanged
    out = array([0] * 3000, dtype)
    onto, base, instruct = (array(part, dtype) for part in words)
    moments = arithmetic.merge(onto, base, instruct, out, (dtype,) * 4)
    o, b, i = ([float(decode(word, dtype)) for word in part] for part in words)
    training = [x - y for x, y in zip(o, b, strict=True)]
    residual = [x - y for x, y in zip(i, b, strict=True)]
    assert moments.elements == 3000
    assert moments.changed == sum(map(int.__ne__, words_of(out, dtype), words[0]))
    assert 1900 < moments.changed <= 2000
    assert moments.training == pytest.approx(math.fsum(x * x for x in training), rel=1e-12)
    assert moments.residual == pytest.approx(math.fsum(x * x for x in residual), rel=1e-12)
    product = math.fsum(x * y for x, y in zip(training, residual, strict=True))
    assert moments.product == pytest.approx(product, rel=1e-9)
