"""All that would make a run fail is told before it, at once."""

import os
from pathlib import Path

import pytest

from jobs.errors import TransientError
from pipelines.plan.preflight import Preflight
from tests.pipelines.conftest import WriteFleet
from tests.pipelines.plan.conftest import Told, problems


def test_what_could_run_is_not_refused(write_sound: WriteFleet, told: Told, tmp_path: Path) -> None:
    found = told(write_sound(), plan=True)
    assert problems(found) == []
    assert found.plan is not None
    (note,) = [note for note in found.notes if not note.startswith("--store: its disk has")]
    assert note.startswith("not known whether the hub has 'owner/pico-1B-instruct', ")
    assert note.endswith("and 3 more: HF_HUB_OFFLINE forbids to ask the hub")
    assert not (tmp_path / "s").exists()


def test_a_store_that_failed_hides_no_other_problem(
    write_sound: WriteFleet, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise TransientError("the store s3://b/x did not answer")

    monkeypatch.setattr("pipelines.plan.preflight.look_at_store", fails)
    with pytest.raises(TransientError, match="did not answer"):
        told(write_sound(), store="s3://b/x").refuse()
    found = problems(told(write_sound(), period="2999-01", store="s3://b/x"))
    assert [line.split(":")[0] for line in found] == ["--period", "the store s3"]


def test_everything_at_once(write_sound: WriteFleet, told: Told, tmp_path: Path) -> None:
    path = write_sound("[us, uk]", "[ukk]")
    text = path.read_text().replace("./family/base", "./none").replace("./eval-data", "./no")
    path.write_text(text)
    found = problems(told(path, "train-gpus=x", "y=1", period="2999-01", store=str(path)))
    assert [line.replace(str(tmp_path), "").split(": ")[0] for line in found] == [
        "-p train-gpus", "-p y", "--store", "--period", "/fleet.yaml:6:15", "/fleet.yaml:3:12",
        "/fleet.yaml:19:18",
    ]  # fmt: skip


def test_a_disk_with_too_little_room_is_told(
    write_sound: WriteFleet, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not refused: what a run adds is an estimate."""
    path = write_sound()
    real = os.statvfs(path)

    def with_free(num_bytes: int) -> Preflight:
        values = [*real[:4], num_bytes // real.f_frsize, *real[5:]]
        monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(values))
        return told(path, plan=True)

    assert not any("free" in note for note in with_free(2**50).notes)
    found = with_free(2**30)
    assert problems(found) == []
    assert found.notes[-1].startswith("--store: its disk has 1.07 GB free, and the run adds about ")
