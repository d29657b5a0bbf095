"""Batches, order and schedule, by hand."""

import math

import pytest

from jobs.artifacts.manifest import Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.kinds.rows import ROWS, Row
from jobs.pack.rows import write_rows
from jobs.store.prefix import Prefix
from jobs.train.batches import collate
from jobs.train.loss import IGNORED
from jobs.train.rows import Rows
from jobs.train.schedule import learning_rate


def test_a_row_becomes_tensors() -> None:
    batch = collate([Row.of([5, 6, 7, 8, 9], [3, 2], None)], sequence_length=7)
    assert batch.input_ids.tolist() == [[5, 6, 7, 8, 9, 0, 0]]
    assert batch.position_ids.tolist() == [[0, 1, 2, 0, 1, 0, 1]]
    assert batch.ends.tolist() == [0, 3, 5, 7]
    assert batch.longest == 3
    x = IGNORED
    assert batch.labels.tolist() == [[x, 6, 7, x, 9, x, x]]


def test_only_marked_tokens_carry_loss() -> None:
    row = Row.of([5, 6, 7, 8], [2, 2], [True, True, False, True])
    x = IGNORED
    assert collate([row], 4).labels.tolist() == [[x, 6, x, 8]]
    assert row.labelled_tokens == 2
    assert Row.of([5, 6, 7, 8], [2, 2], None).labelled_tokens == 2


def test_the_rate_rises_and_decays() -> None:
    rates = [
        learning_rate(step, 12, 1.0, warmup_ratio=1 / 6, final_ratio=0.1) for step in range(12)
    ]
    assert rates[:3] == pytest.approx([0.5, 1.0, 1.0])
    middle = 0.1 + 0.9 * (1 + math.cos(math.pi * 3 / 9)) / 2
    assert rates[5] == pytest.approx(middle)
    assert rates[-1] == pytest.approx(0.1)
    rising = [learning_rate(step, 100, 1.0, warmup_ratio=0.07, final_ratio=1.0) for step in (5, 6)]
    assert rising == pytest.approx([6 / 7, 1.0])


def rows_of(uri: str, number: int) -> Rows:
    settings = {"sequence_length": 8}
    work = Work(kind="rows", producer="pack 1", settings=settings, inputs={})
    writer = ArtifactWriter(Prefix(uri), work, {})
    write_rows(writer, "train", (Row.of([n], [1]) for n in range(number)), ROWS)
    return Rows(writer.commit({}), "train", vocabulary=max(1, number))


def test_each_epoch_has_each_row_once_in_another_order(store: str) -> None:
    rows = rows_of(store, 5000)  # 20 groups: two windows
    stream = rows.stream(seed=3)
    first, second = ([next(stream).ids[0] for _ in range(5000)] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(5000))
    assert first != second
    assert first != sorted(first)


@pytest.mark.parametrize("consumed", [0, 1, 4095, 4096, 4999, 5000, 7777])
def test_the_cursor_is_the_number_of_rows_consumed(tmp_path_factory, consumed: int) -> None:  # type: ignore[no-untyped-def]
    rows = rows_of(str(tmp_path_factory.mktemp("rows")), 5000)
    whole = rows.stream(seed=1)
    for _ in range(consumed):
        next(whole)
    resumed = rows.stream(seed=1, consumed=consumed)
    assert [next(whole).ids.tolist() for _ in range(50)] == [
        next(resumed).ids.tolist() for _ in range(50)
    ]
