"""The merge's arithmetic alone, on one core: nanoseconds an element, by form and type."""

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from rich.table import Table

from jobs.merge.arithmetic.exact import STORAGE, Raw
from jobs.merge.arithmetic.merge import add, copy, merge, subtract

ELEMENTS = 2**20
"""As many as a piece of a merge on folders has."""


def table(rounds: int) -> Table:
    """Medians of `rounds` rounds, in which all take turns."""
    shown = Table(title=f"Arithmetic alone, one core, {ELEMENTS} elements: {rounds} rounds")
    shown.add_column("")
    shown.add_column("ns an element", justify="right")
    shown.add_column("least", justify="right")
    work = dict(_work())
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for run in work.values():
        run()  # compiles
    for _ in range(rounds):
        for name, run in work.items():
            started = time.perf_counter()
            run()
            seconds[name].append((time.perf_counter() - started) * 1e9 / ELEMENTS)
    for name, found in seconds.items():
        shown.add_row(name, f"{statistics.median(found):.2f}", f"{min(found):.2f}")
    return shown


def _work() -> Iterator[tuple[str, Callable[[], object]]]:
    for dtype in ("BF16", "F16", "F32"):
        base, onto, instruct = _models(dtype)
        out, residual = np.empty_like(base), np.empty(ELEMENTS, np.float32)
        types = dtype, dtype, "F32"
        yield f"merge {dtype}", partial(merge, onto, base, instruct, out, (dtype,) * 4)
        yield f"residual {dtype} → F32", partial(subtract, instruct, base, residual, types)
        yield f"apply F32 onto {dtype}", partial(add, onto, residual, out, dtype, "F32")
    out = np.empty(ELEMENTS, np.uint16)
    yield "copy F32 → BF16", partial(copy, residual, out, "F32", "BF16")


def _models(dtype: str) -> Iterator[Raw]:
    """Base, and two that are near it."""
    random = np.random.default_rng(0)
    base = random.normal(0, 0.02, ELEMENTS).astype(np.float32)
    for changed in (0.0, 0.001, 0.002):
        yield _stored(base + random.normal(0, changed, ELEMENTS).astype(np.float32), dtype)


def _stored(values: Raw, dtype: str) -> Raw:
    out = np.empty(len(values), STORAGE[dtype])
    copy(values, out, "F32", dtype)
    return out
