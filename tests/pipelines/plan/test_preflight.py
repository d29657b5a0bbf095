"""All that would make a run fail is told before it, at once."""

import os
from pathlib import Path

import pytest

from jobs.errors import BadInputsError, TransientError
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


@pytest.mark.parametrize("fleet", ["", "[us, uk]"])
def test_wrong_flags_hide_nothing_and_are_not_hidden(
    write_sound: WriteFleet, told: Told, fleet: str
) -> None:
    """Whether the fleet file is whole or not."""
    path = write_sound(fleet, "yes")
    wrong = ("x", "suite=paper", "train-gpus=1.5")
    try:
        found = problems(told(path, *wrong, period="2026-13", store="s3:/bucket", run="A"))
    except BadInputsError as error:
        found = list(error.lines)
    assert [line.replace(str(path.parent), "").split(": ")[0] for line in found] == [
        "-p x", "-p suite", "--store", "--period", "--run",
        "/fleet.yaml:6:15" if fleet else "-p train-gpus",
    ]  # fmt: skip


def test_a_wrong_period_hides_no_publisher(write_sound: WriteFleet, told: Told) -> None:
    period, publisher = problems(told(write_sound("[us, uk]", "[ukk]"), period="october"))
    assert period == "--period: 'october' is wrong: expected a month such as 2026-10"
    assert "'ukk' is unknown to Fundus; did you mean uk?" in publisher


def test_the_fleet_file_is_read_once(
    write_sound: WriteFleet, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = write_sound(), list[Path]()

    def counted(file: Path) -> str:
        read.append(file)
        return file.read_text()

    monkeypatch.setattr("jobs.plain_yaml.source.read_text", counted)
    assert problems(told(path)) == []
    assert read.count(path) == 1


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
