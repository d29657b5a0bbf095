"""Rows that a fleet replays: they must be there, and fit."""

from pathlib import Path

import pytest

from jobs.artifacts.manifest import Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.store.prefix import Prefix
from tests.pipelines.conftest import WriteFleet
from tests.pipelines.plan.conftest import Told, problems


def packed(uri: str, kind: str, length: int) -> None:
    work = Work(kind=kind, producer="pack 1", settings={"sequence_length": length}, inputs={})
    ArtifactWriter(Prefix(uri), work, {}).commit({"rows": 1, "tokens": 1})


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("older", None),
        ("none", "none holds no artifact, expected packed rows; give the URI of another run's"),
        ("model", "model holds an artifact of kind model, expected packed rows"),
        ("longer", "longer has rows of 512 tokens, the family's have 256; pack both alike"),
    ],
)
def test_what_is_replayed(
    write_sound: WriteFleet, told: Told, tmp_path: Path, name: str, says: str | None
) -> None:
    packed(f"{tmp_path}/older", "rows", 256)
    packed(f"{tmp_path}/model", "model", 256)
    packed(f"{tmp_path}/longer", "rows", 512)
    train = f"train: {{replay: {tmp_path}/{name}, replay_share: 0.1}}"
    path = write_sound("release: nano-chat", f"release: nano-chat\n    {train}")
    found = problems(told(path))
    assert len(found) == bool(says), found
    if says:
        assert "families[1].train.replay: " in found[0]
        assert says in found[0]
