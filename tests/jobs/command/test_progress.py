"""What a job tells of how far it is: in its log, and in Argo's file."""

import logging
import time
from pathlib import Path

import pytest

from jobs.command import progress
from jobs.command.progress import Progress, Report


def test_the_file_and_the_log_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten seconds for 20 rows of 60, continued at 20: two a second, and 20 s for the rest."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 10.0)
    monkeypatch.setenv("ARGO_PROGRESS_FILE", str(tmp_path / "progress"))
    caplog.set_level(logging.INFO)
    with Progress("train", 80, "rows", done=20) as told:
        now = 110.0
        told.advance(20, loss=2.3125)
        assert (tmp_path / "progress").read_text() == (
            "rows=40 total=80 per_second=2 seconds_left=20 loss=2.3125\n40/80\n"
        )
        assert Report.read(tmp_path / "progress") == Report(
            "rows", 40, 80, 2.0, 20.0, {"loss": "2.3125"}
        )
        now = 120.0
        told.advance(50)  # more than there were to be
    assert [record.getMessage() for record in caplog.records] == [
        "progress rows=40 total=80 per_second=2 seconds_left=20 loss=2.3125",
        "progress rows=90 total=80 per_second=3.5 seconds_left=0 loss=2.3125",
    ]
    assert (tmp_path / "progress").read_text().splitlines()[-1] == "80/80"


def test_at_once_no_rate_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    monkeypatch.setenv("ARGO_PROGRESS_FILE", str(tmp_path / "progress"))
    with Progress("pack", 5, "articles"):
        pass
    assert (tmp_path / "progress").read_text() == "articles=0 total=5\n0/5\n"
    assert Report.read(tmp_path / "progress") == Report("articles", 0, 5)


def test_of_several_processes_one_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGO_PROGRESS_FILE", str(tmp_path / "progress"))
    with Progress("train", 5, "steps", shown=False) as told:
        told.advance(5)
    with Progress("crawl", 0, "archives") as nothing_to_do:
        nothing_to_do.advance(0)
    assert not (tmp_path / "progress").exists()
