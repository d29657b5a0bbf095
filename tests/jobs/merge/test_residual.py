"""A residual that is stored, what it holds, and candidates made of it."""

from pathlib import Path

import numpy as np
import pytest

from jobs.artifacts.reading import Artifact
from jobs.kinds.model import read_tensors
from tests.jobs.merge.models import CHAT, EMBEDDING, HEAD, ROLES, merge, put, put_three, tensors
from tests.support.pico import commit_llama


def test_a_stored_residual_gives_the_same_candidate(store: str, tmp_path: Path) -> None:
    for seed, role in enumerate(ROLES):
        commit_llama(f"{store}/{role}", tmp_path / role, seed, CHAT)
    assert merge(store, out="direct") == ""
    assert merge(store, "--shard-bytes=9000", roles="base instruct", out="residual") == ""
    residual = Artifact.open(f"{store}/residual", "residual")
    assert residual.statistics["inexact"] == 0
    assert {t.dtype for t in read_tensors(residual).values()} == {"F32"}
    assert merge(store, roles="residual onto", out="again") == ""
    direct, again = (Artifact.open(f"{store}/{name}", "model") for name in ("direct", "again"))
    assert direct.digest == again.digest
    assert again.statistics["change"]["training_norm"] is None
    expected = direct.statistics["change"]["residual_norm"]
    assert again.statistics["change"]["residual_norm"] == pytest.approx(expected)


def test_a_residual_is_no_model(tmp_path: Path) -> None:
    store = str(tmp_path)
    put_three(store)
    assert merge(store, roles="base instruct", out="residual") == ""
    (tmp_path / "onto").rename(tmp_path / "kept")
    (tmp_path / "residual").rename(tmp_path / "onto")
    assert "onto holds 'residual', expected 'model'" in merge(store)


def test_rows_that_a_residual_cannot_hold_exactly_are_counted(tmp_path: Path) -> None:
    store = str(tmp_path)
    put_three(store, instruct={**tensors(0), EMBEDDING: np.full((12, 4), 0.1, np.float32),
                               HEAD: tensors(0)[HEAD]})  # fmt: skip
    base = {**tensors(0), EMBEDDING: np.full((8, 4), 0.1, np.float32)}
    put(f"{store}/base8", base)
    (tmp_path / "base").rename(tmp_path / "unused")
    (tmp_path / "base8").rename(tmp_path / "base")
    flags = ["--vocabulary=extend", "--dtype=float16"]
    assert merge(store, *flags, roles="base instruct", out="residual") == ""
    assert Artifact.open(f"{store}/residual").statistics["inexact"] == 4 * 4


def test_a_residual_does_not_fill_rows_that_onto_lacks(tmp_path: Path) -> None:
    """They would be differences, not the instruct model's values."""
    store = str(tmp_path)
    put_three(store, onto={**tensors(2), EMBEDDING: np.ones((5, 4), np.float32)})
    assert merge(store, roles="base instruct", out="residual") == ""
    error = merge(store, "--vocabulary=extend", roles="residual onto")
    assert "has 5 rows in --onto, fewer than the 8 of the residual's base" in error
    assert merge(store, "--vocabulary=extend") == ""


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_residual_in_a_narrower_type(tmp_path: Path, dtype: str) -> None:
    store = str(tmp_path)
    put_three(store)
    assert merge(store, f"--dtype={dtype}", roles="base instruct", out="residual") == ""
    residual = Artifact.open(f"{store}/residual")
    assert {t.dtype for t in read_tensors(residual).values()} == {
        {"bfloat16": "BF16"}.get(dtype, "F16")
    }
    assert residual.statistics["inexact"] > 1000
    assert merge(store, roles="residual onto") == ""
