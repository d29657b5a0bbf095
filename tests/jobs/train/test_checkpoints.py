"""Checkpoints: shares of any number of processes, divided in any way, restored by any other."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import distributed

from jobs.artifacts.manifest import MANIFEST, Work
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from jobs.train import checkpoints as module
from jobs.train.checkpoints import STATE, Checkpoints, State
from jobs.train.pieces import KINDS, MASTER, MOMENTS, Piece, Share
from jobs.train.shares import Copied, Saved
from tests.support.pico import commit

WORK = Work(kind="model", producer="train 3", settings={}, inputs={})
Sizes = dict[str, int]


@dataclass
class Fake:
    """A share without an engine: pieces of flat tensors that hold what `values` says."""

    pieces: list[Piece]
    moments: dict[str, torch.Tensor]

    def tensors(self, piece: Piece) -> dict[str, torch.Tensor]:
        kept = {kind: piece.of(self.moments[kind]) for kind in MOMENTS}
        return {MASTER: piece.of(piece.flat), **kept}


def cut(sizes: Sizes, cuts: list[int]) -> list[Fake]:
    """The parameters one behind the other, cut at `cuts`: a share for each part, still empty."""
    shares = []
    for begin, end in pairwise([0, *sorted(cuts), sum(sizes.values())]):
        flat = torch.full((end - begin,), torch.nan)
        pieces, at = list[Piece](), 0
        for name, size in sizes.items():
            start, stop = max(begin, at), min(end, at + size)
            if start < stop:
                pieces.append(Piece(name, start - at, stop - start, flat, start - begin))
            at += size
        moments = {kind: torch.full_like(flat, torch.nan) for kind in MOMENTS}
        shares.append(Fake(pieces, moments))
    return shares


def fill(share: Fake) -> None:
    """Each element with what only it has."""
    for piece in share.pieces:
        for kind, values in share.tensors(piece).items():
            values.copy_(expected(piece, kind))


def expected(piece: Piece, kind: str) -> torch.Tensor:
    begin = 1000 * int(piece.name) + 100_000 * KINDS.index(kind) + piece.start
    return torch.arange(begin, begin + piece.count, dtype=torch.float32)


def saved(root: str, shares: list[Fake]) -> Artifact:
    writer = ArtifactWriter(Prefix(root), WORK, {})
    for rank, share in enumerate(shares):
        other = ArtifactWriter(Prefix(root), WORK, {}, attempt=writer.attempt)
        Copied.of(cast("Share", share)).write(other, rank)
        writer.include(other.files)
    return writer.commit({})


sizes = st.lists(st.integers(1, 60), min_size=1, max_size=5).map(
    lambda found: {str(number): size for number, size in enumerate(found)}
)
cuts = st.lists(st.integers(0, 300), max_size=5)


@settings(max_examples=40, deadline=None)
@given(sizes, cuts, cuts)
def test_any_shares_are_restored_by_any_others(
    tmp_path_factory: pytest.TempPathFactory, sizes: Sizes, before: list[int], after: list[int]
) -> None:
    total = sum(sizes.values())
    first, second = (cut(sizes, [min(c, total) for c in at]) for at in (before, after))
    for share in first:
        fill(share)
    checkpoint = Saved(saved(str(tmp_path_factory.mktemp("saved")), first))
    for share in second:
        checkpoint.restore(cast("Share", share))
        for piece in share.pieces:
            for kind, values in share.tensors(piece).items():
                assert torch.equal(values, expected(piece, kind))


@pytest.fixture
def one(tmp_path: Path) -> Fake:
    (share,) = cut({"0": 10}, [])
    fill(share)
    return share


def test_a_changed_byte_is_found_by_who_reads_it(tmp_path: Path, one: Fake) -> None:
    artifact = saved(str(tmp_path), [one])
    (path,) = tmp_path.rglob("share-00000.safetensors")
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        BadInputError, match=r"is corrupt at '0 exp_avg_sq 0'; delete the checkpoint"
    ):
        Saved(artifact).restore(cast("Share", one))


def test_elements_that_lack_are_told(tmp_path: Path, one: Fake) -> None:
    artifact = saved(str(tmp_path), [one])
    (larger,) = cut({"0": 12}, [])
    with pytest.raises(BadInputError, match="has 10 of 12 elements of the master of 0; delete it"):
        Saved(artifact).restore(cast("Share", larger))


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"share-00000.safetensors": b"x"}, "has no file 'share-00000.json'"),
        (
            {"share-00000.safetensors": b"x", "share-00000.json": b"{}"},
            "is of no checkpoint: digests: is missing",
        ),
        (
            {
                "share-00000.safetensors": b"x",
                "share-00000.json": b'{"digests": {}, "random": {}}',
            },
            "is no safetensors file",
        ),
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_named(tmp_path: Path, files: dict[str, bytes], told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        Saved(commit(str(tmp_path), "checkpoint", files))


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A group of one process."""
    file = tmp_path_factory.mktemp("group") / "file"
    distributed.init_process_group("gloo", init_method=f"file://{file}", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.fixture
def engine(one: Fake, monkeypatch: pytest.MonkeyPatch) -> Any:
    """In the place of DeepSpeed's, whose share is given."""
    monkeypatch.setattr(module, "Share", lambda share: share)
    return one


def checkpoints(root: Path, kept: int = 1) -> Checkpoints:
    return Checkpoints(ArtifactWriter(Prefix(str(root)), WORK, {}), 0, kept)


def steps(root: Path) -> list[int]:
    """Of the checkpoints there."""
    return sorted(int(path.name.split("-")[1]) for path in (root / "checkpoints").iterdir())


@pytest.mark.usefixtures("alone")
def test_the_last_few_stay(tmp_path: Path, engine: Any) -> None:
    mine = checkpoints(tmp_path, kept=2)
    for step in range(5, 30, 5):
        mine.save(engine, State(step=step))
        mine.finish()
    assert steps(tmp_path) == [20, 25]
    assert mine.last == 25
    newest = mine.newest()
    assert newest is not None
    assert json.loads(newest.read(STATE))["step"] == 25


@pytest.mark.usefixtures("alone")
def test_an_attempt_that_comes_second_leaves_nothing(tmp_path: Path, engine: Any) -> None:
    first, second = checkpoints(tmp_path), checkpoints(tmp_path)
    second.save(engine, State(step=5))
    first.save(engine, State(step=5))
    first.finish()
    (place,) = (tmp_path / "checkpoints").iterdir()
    won = Artifact.open(str(place)).manifest.attempt
    assert won is not None
    second.finish()
    assert sorted(path.name for path in place.iterdir()) == sorted([MANIFEST, won])


@pytest.mark.usefixtures("alone")
def test_of_other_work_none_is_taken(tmp_path: Path, engine: Any) -> None:
    mine = checkpoints(tmp_path)
    mine.save(engine, State(step=5))
    mine.finish()
    work = WORK.model_copy(update={"settings": {"seed": 1}})
    other = Checkpoints(ArtifactWriter(Prefix(str(tmp_path)), work, {}), 0, 1)
    assert other.newest() is None
    other.save(engine, State(step=9))
    other.finish()
    assert steps(tmp_path) == [5, 9]
