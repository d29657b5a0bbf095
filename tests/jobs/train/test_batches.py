"""Batches, order and schedule, by hand."""

import math
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.artifacts.manifest import Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.errors import BadInputError
from jobs.kinds.rows import ROWS, Row
from jobs.pack.rows import write_rows
from jobs.store.prefix import Prefix
from jobs.train.ahead import ahead
from jobs.train.batches import collate, step_batch
from jobs.train.loss import IGNORED
from jobs.train.mixture import Mixture, without_first
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


def test_each_process_takes_its_share_of_a_step() -> None:
    rows = [Row.of([n, n, n], [2, 1]) for n in range(8)]
    shares = [step_batch(rows, rank, 2, at_once=3, length=4) for rank in (0, 1)]
    for rank, share in enumerate(shares):
        assert (share.tokens, share.labelled, share.squares) == (24, 8, 8 * (4 + 1))
        assert [batch.input_ids[:, 0].tolist() for batch in share.micro] == [
            [rank, rank + 2, rank + 4],
            [rank + 6],
        ]


@given(
    share=st.floats(min_value=0.001, max_value=0.999),
    consumed=st.integers(min_value=0, max_value=10**7),
)
def test_replayed_rows_are_spread_evenly_and_the_cursor_is_one_number(
    share: float, consumed: int
) -> None:
    mixture = Mixture(Numbered("new", 10), Numbered("old", 7), share)  # type: ignore[arg-type]
    found = [tuple(row.ids) for row in islice(mixture.stream(0, consumed), 50)]
    again = [tuple(row.ids) for row in islice(mixture.stream(0, consumed + 20), 30)]
    assert found[20:] == again
    old = [number for kind, number in found if kind == OLD]
    new = [number for kind, number in found if kind == NEW]
    first_old = floor(consumed * share)
    assert old == list(range(first_old, first_old + len(old)))
    assert new == list(range(consumed - first_old, consumed - first_old + len(new)))
    assert abs(len(old) - 50 * share) <= 1


NEW, OLD = 0, 1


class Numbered:
    """Rows that say their kind and number."""

    def __init__(self, kind: str, number: int) -> None:
        self._kind, self.number = {"new": NEW, "old": OLD}[kind], number

    def stream(self, seed: int, consumed: int) -> Iterator[Row]:
        return (Row.of([self._kind, number], [2]) for number in count(consumed + seed))


def test_an_epoch_has_each_new_row_once() -> None:
    old = Numbered("old", 3)
    assert Mixture(Numbered("new", 90), None, 0.5).rows_an_epoch == 90  # type: ignore[arg-type]
    mixture = Mixture(Numbered("new", 90), old, 0.1)  # type: ignore[arg-type]
    assert mixture.rows_an_epoch == pytest.approx(100)
    found = [row.ids[0] for row in islice(mixture.stream(0), 100)]
    assert (found.count(NEW), found.count(OLD)) == (90, 10)


def test_the_first_tokens_of_each_document_carry_no_loss() -> None:
    row = Row.of([5, 6, 7, 8, 9, 4], [4, 2])
    x = IGNORED
    masked = without_first(row, 2)
    assert collate([masked], 6).labels.tolist() == [[x, x, 7, 8, x, x]]
    assert masked.labelled_tokens == 2
    assert collate([without_first(row, 1)], 6).labels.equal(collate([row], 6).labels)
    assert without_first(row, 0) is row
    answers = Row.of([5, 6, 7, 8, 9, 4], [4, 2], [True, True, False, True, True, True])
    assert collate([without_first(answers, 2)], 6).labels.tolist() == [[x, x, x, 8, x, x]]


def test_batches_are_made_ahead_in_order_and_errors_come_in_their_place() -> None:
    made = list[int]()

    def items() -> Iterator[int]:
        for number in range(6):
            if number == 5:
                raise BadInputError("a damaged file")
            made.append(number)
            yield number

    with closing(ahead(items())) as batches:
        assert next(batches) == 0
        time.sleep(0.2)
        assert made == [0, 1, 2], "two more, and not all that there are"
        assert list(islice(batches, 4)) == [1, 2, 3, 4]
        with pytest.raises(BadInputError, match="a damaged file"):
            next(batches)
    assert list(ahead(iter("abc"))) == ["a", "b", "c"]
