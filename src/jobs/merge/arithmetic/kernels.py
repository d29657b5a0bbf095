"""The merge's inner loops, compiled by numba. Pure; they release the interpreter's lock.

These are for bfloat16, the type that models come in: they do the common case, in which the sums
come out exact in float32, and mark the blocks in which one does not (about one element in a million
of real weights): `jobs.merge.arithmetic.exact` does those again, and all other types. An addition
is exact if the error that Knuth's TwoSum finds is zero; a NaN or an infinity makes that error a
NaN, so a marked block is also where those are looked for.

Cost of `merge_bfloat16`: 1.1 ns an element on one core with AVX2, 0.4 of it for the moments.
"""

from typing import Any, Final

import numpy as np
from numba import njit

BLOCK: Final = 1024
"""Elements that are marked together."""

u16, u32, f32 = np.uint16, np.uint32, np.float32


def compiled(**options: Any) -> Any:
    """numba, without Python objects or its lock; the machine code is kept beside the source.

    Where neither that folder, the user's nor ``NUMBA_CACHE_DIR`` can be written, it is compiled
    at each start, in one second (`merge_bfloat16`) or three (all other). numba compiles anew what
    is in a file that changed, not what calls it: after a change here, delete exact.py's cache.
    """

    def compile_or_load(function: Any) -> Any:
        try:
            return njit(nogil=True, cache=True, error_model="numpy", **options)(function)
        except RuntimeError:
            return njit(nogil=True, error_model="numpy", **options)(function)

    return compile_or_load


SUMMING = {"reassoc", "contract"}  # the order of a sum of squares does not matter to a statistic


@compiled()
def widen_bfloat16(word):  # type: ignore[no-untyped-def]
    """A bfloat16, as float32."""
    return u32(u32(word) << u32(16)).view(f32)


@compiled()
def two_sum(a, b):  # type: ignore[no-untyped-def]
    """The rounded sum and its exact error: a + b = sum + error (Knuth, TAOCP 2, 4.2.2)."""
    total = a + b
    shadow = total - a
    return total, (a - (total - shadow)) + (b - shadow)


@compiled()
def _merge_block(onto, base, instruct, out):  # type: ignore[no-untyped-def]
    """Sets out to onto + (instruct − base); how much changed, and whether it must be redone."""
    marked = changed = u32(0)
    for k in range(onto.size):
        trained, lost = two_sum(widen_bfloat16(onto[k]), -widen_bfloat16(base[k]))
        total, lost_too = two_sum(trained, widen_bfloat16(instruct[k]))
        bits = f32(total).view(u32)
        word = u16(u32(u32(bits + u32(0x7FFF)) + u32(u32(bits >> u32(16)) & u32(1))) >> u32(16))
        # A sum of zero has lost the zero's sign; the identities keep it.
        word = instruct[k] if onto[k] == base[k] else word
        word = onto[k] if instruct[k] == base[k] else word
        out[k] = word
        changed = u32(changed + u32(word != onto[k]))
        marked = u32(marked | f32(abs(lost) + abs(lost_too)).view(u32))
        marked = u32(marked | u32(u16(word & u16(0x7F80)) == u16(0x7F80)))
    return changed, marked != 0


@compiled(fastmath=SUMMING)
def _block_moments(onto, base, instruct):  # type: ignore[no-untyped-def]
    """Sums of (onto − base)², (instruct − base)² and of their product."""
    training = residual = product = 0.0
    for k in range(onto.size):
        middle = np.float64(widen_bfloat16(base[k]))
        a = np.float64(widen_bfloat16(onto[k])) - middle
        b = np.float64(widen_bfloat16(instruct[k])) - middle
        training += a * a
        residual += b * b
        product += a * b
    return training, residual, product


@compiled()
def merge_bfloat16(onto, base, instruct, out, marks):  # type: ignore[no-untyped-def]
    """Merges words of bfloat16 (all [elements]); `marks` [blocks] says which must be redone.

    Returns how many elements of the others differ from onto, and the moments of all: a block at
    a time, while it is in the nearest cache.
    """
    changed = 0
    training = residual = product = 0.0
    for block in range(marks.size):
        here = slice(block * BLOCK, min(onto.size, (block + 1) * BLOCK))
        count, marks[block] = _merge_block(onto[here], base[here], instruct[here], out[here])
        changed += 0 if marks[block] else count
        sums = _block_moments(onto[here], base[here], instruct[here])
        training += sums[0]
        residual += sums[1]
        product += sums[2]
    return changed, (training, residual, product)
