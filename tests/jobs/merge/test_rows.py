"""Which model the rows of an embedding come from, where models have unequal numbers of them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.fit.rows import Rows, row_sources
from tests.jobs.merge.models import (
    EMBEDDING,
    HEAD,
    WORDS,
    exact,
    merge,
    put,
    tensors,
    tokenizer,
    values,
)


@pytest.mark.parametrize(
    ("onto", "base", "instruct", "expected"),
    [
        (8, 8, 8, [Rows(0, 8, "sum")]),
        (8, 9, 8, [Rows(0, 8, "sum")]),  # base's own last row goes with it
        (8, 8, 10, [Rows(0, 8, "sum"), Rows(8, 10, "instruct")]),
        (10, 8, 8, [Rows(0, 8, "sum"), Rows(8, 10, "onto")]),
        (8, 10, 10, [Rows(0, 8, "sum"), Rows(8, 10, "instruct")]),
        (10, 10, 8, [Rows(0, 8, "sum"), Rows(8, 10, "onto")]),
        (12, 10, 8, [Rows(0, 8, "sum"), Rows(8, 12, "onto")]),
        (0, 0, 2, [Rows(0, 2, "instruct")]),
    ],
)
def test_rows_of_the_extended_embedding(
    onto: int, base: int, instruct: int, expected: list[Rows]
) -> None:
    assert row_sources({"onto": onto, "base": base, "instruct": instruct}) == expected


@pytest.mark.parametrize(("onto", "base", "instruct"), [(10, 8, 10), (10, 8, 9), (9, 8, 12)])
def test_rows_that_base_lacks_and_both_others_have(onto: int, base: int, instruct: int) -> None:
    said = rf"--onto \({onto} rows\) and --instruct \({instruct}\) both have rows that --base \(8\)"
    with pytest.raises(BadInputError, match=said):
        row_sources({"onto": onto, "base": base, "instruct": instruct})


@given(*(st.integers(0, 30) for _ in range(3)))
def test_every_row_comes_from_those_that_have_it(onto: int, base: int, instruct: int) -> None:
    rows = {"onto": onto, "base": base, "instruct": instruct}
    result = range(max(onto, instruct))
    if any(base <= row < min(onto, instruct) for row in result):
        with pytest.raises(BadInputError):
            row_sources(rows)
        return
    sources = [part.source for part in row_sources(rows) for _ in range(part.start, part.stop)]
    assert sources == [
        "sum" if row < onto and row < instruct else "onto" if row < onto else "instruct"
        for row in result
    ]
    edges = [edge for part in row_sources(rows) for edge in (part.start, part.stop)]
    assert edges == sorted(edges)


def test_extends_the_vocabulary(tmp_path: Path) -> None:
    """instruct has two rows more: they are its own, and the candidate has as many as it."""
    store = str(tmp_path)
    base, onto = tensors(0), tensors(2)
    instruct = {**tensors(1), EMBEDDING: np.ones((10, 4), np.float32),
                HEAD: np.full((10, 4), 2, np.float32)}  # fmt: skip
    words = tokenizer(*WORDS, added={"<user>": 8, "<end>": 9})
    put(f"{store}/base", base, config={"vocab_size": 8})
    put(f"{store}/onto", onto, config={"vocab_size": 8})
    put(f"{store}/instruct", instruct, config={"vocab_size": 10}, words=words)
    assert "--vocabulary extend" in merge(store, out="no")
    assert merge(store, "--vocabulary=extend") == ""
    merged = Artifact.open(f"{store}/out")
    for name in (EMBEDDING, HEAD):
        found = values(merged)[name]
        np.testing.assert_array_equal(found[:8], exact(onto[name], base[name], instruct[name][:8]))
        np.testing.assert_array_equal(found[8:], instruct[name][8:])
    assert merged.read_json("config.json")["vocab_size"] == 10
    told = {"rows 0–7": "sum", "rows 8–9": "instruct"}
    assert merged.statistics["vocabulary"] == {EMBEDDING: told, HEAD: told}
    assert merge(store, "--vocabulary=extend", roles="base instruct", out="residual") == ""
    assert merge(store, "--vocabulary=extend", roles="residual onto", out="again") == ""
    again = values(Artifact.open(f"{store}/again"))
    for name in (EMBEDDING, HEAD):
        np.testing.assert_array_equal(again[name][8:], instruct[name][8:])
        np.testing.assert_allclose(again[name], values(merged)[name], rtol=1e-5, atol=1e-6)
