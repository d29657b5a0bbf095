"""Releases: numbered, created once, and only for the candidate that the report is about."""

import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.artifacts.manifest import Input
from jobs.artifacts.reading import Artifact
from jobs.artifacts.releases import Standing, add, current, read_releases
from jobs.errors import BadInputError
from jobs.promote.settings import PromoteSettings
from jobs.promote.work import promote
from jobs.store.prefix import Prefix
from tests.jobs.report.fake_run import CANDIDATE, FakeRun, make_run
from tests.jobs.report.test_report import report


def settings(run: FakeRun, **more: Any) -> PromoteSettings:
    return PromoteSettings(
        candidate=f"{run.uri}/candidates/{CANDIDATE}",
        report=f"{run.uri}/report",
        releases=f"{run.store}/releases",
        **more,
    )


def renew(run: FakeRun) -> None:
    """Another candidate of the same name, with its scores and report."""
    for part in (f"candidates/{CANDIDATE}", f"scores/{CANDIDATE}", "report"):
        shutil.rmtree(f"{run.uri}/{part}")
    inputs = {"instruct": run.model_path("instruct"), "onto": run.model_path("refreshed-base")}
    run.make(run.path(f"candidates/{CANDIDATE}"), ("merge", "model"), inputs, {"content": "new"})
    run.score_all(CANDIDATE, 0.4, 1.0)
    report(run)


def test_record(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    made = report(run)
    promote(settings(run))
    (record,) = read_releases(Prefix(f"{run.store}/releases"))[CANDIDATE]
    candidate = Artifact.open(f"{run.uri}/candidates/{CANDIDATE}")
    assert record.number == 1
    assert record.candidate == Input(uri=candidate.uri, digest=candidate.digest)
    assert record.report == Input(uri=made.uri, digest=made.digest)
    assert (record.decision, record.override) == ("GO", None)
    assert record.reasons[0].startswith("Ability kept")
    assert (tmp_path / "releases" / CANDIDATE / "000001.json").is_file()


def test_same_candidate_is_released_once_and_another_gets_the_next_number(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    report(run)
    promote(settings(run))
    promote(settings(run))
    releases = Prefix(f"{run.store}/releases")
    assert [item.number for item in read_releases(releases)[CANDIDATE]] == [1]
    renew(run)
    promote(settings(run))
    assert [item.number for item in read_releases(releases)[CANDIDATE]] == [1, 2]
    newest = current(releases, CANDIDATE)
    assert newest is not None
    assert newest.number == 2


def test_not_go_makes_no_record_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERENNIAL_OUTPUTS", str(tmp_path / "outputs"))
    run = make_run(tmp_path, candidate=0.2)
    report(run)
    with caplog.at_level(logging.INFO):
        promote(settings(run))
    assert "not-released" in caplog.text
    assert "Ability lost: average 20.00 against 31.00" in caplog.text
    assert read_releases(Prefix(f"{run.store}/releases")) == {}
    assert (tmp_path / "outputs" / "decision").read_text() == "NO-GO"
    assert (tmp_path / "outputs" / "release").read_text() == "none"


def test_override_stands_in_the_record(tmp_path: Path) -> None:
    run = make_run(tmp_path, candidate=0.2)
    report(run)
    promote(settings(run, override="a demonstration", name="shown"))
    (record,) = read_releases(Prefix(f"{run.store}/releases"))["shown"]
    assert (record.decision, record.override) == ("NO-GO", "a demonstration")


def test_a_report_about_another_candidate_is_an_error(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    report(run)
    shutil.rmtree(f"{run.uri}/candidates/{CANDIDATE}")
    run.make(run.path(f"candidates/{CANDIDATE}"), ("merge", "model"), files={"content": "new"})
    with pytest.raises(BadInputError, match=r"is about .* but --candidate .* has the digest"):
        promote(settings(run))


def test_a_name_that_is_no_path(tmp_path: Path) -> None:
    flags = ["--candidate", "a", "--report", "b", "--releases", "c", "--name", "../x"]
    with pytest.raises(BadInputError, match=r"--name '\.\./x' is wrong"):
        PromoteSettings.from_flags(flags)


def test_race_of_one_candidate_makes_one_record(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    report(run)
    given = settings(run)
    command = [
        sys.executable, "-m", "jobs.promote", "--candidate", given.candidate,
        "--report", given.report, "--releases", given.releases,
    ]  # fmt: skip
    racers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [racer.communicate()[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    assert sum("already-released" in text for text in said) == 1
    assert [item.number for item in read_releases(Prefix(given.releases))[CANDIDATE]] == [1]


def test_losing_a_race_takes_the_next_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other writer comes between this one's look and its write."""
    releases = Prefix(tmp_path)
    create, others = Prefix.create, iter(["other"])

    def facts(digest: str) -> dict[str, object]:
        there = Input(uri="/x", digest=digest)
        return {"candidate": there, "report": there, "decision": "GO", "reasons": ()}

    def create_late(prefix: Prefix, path: str, data: bytes) -> bool:
        for digest in others:
            assert add(releases, "m", **facts(digest))[1] == Standing.NEW
        return create(prefix, path, data)

    monkeypatch.setattr(Prefix, "create", create_late)
    release, standing = add(releases, "m", **facts("mine"))
    assert (release.number, standing) == (2, Standing.NEW)
    assert [item.candidate.digest for item in read_releases(releases)["m"]] == ["other", "mine"]


def test_a_damaged_record_is_an_error(tmp_path: Path) -> None:
    Prefix(tmp_path).write("m/000001.json", b"{}")
    with pytest.raises(BadInputError, match=r"m/000001.json is not a release"):
        current(Prefix(tmp_path), "m")
    assert current(Prefix(tmp_path), "other") is None


def test_a_name_stands_for_one_family(tmp_path: Path) -> None:
    """Two fleets in one store may name candidates of different families alike."""
    run = make_run(tmp_path)
    report(run)
    promote(settings(run))
    other = FakeRun(tmp_path / "other", family="nano")
    other.make_sources()
    other.score_all("base", 0.2, 1.4)
    other.score_all("instruct", 0.31, 1.5)
    other.score_all("refreshed-base", 0.21, 1.1)
    other.score_all(CANDIDATE, 0.31, 1.2)
    report(other)

    def nanos(**more: Any) -> PromoteSettings:
        return settings(other, **more).model_copy(update={"releases": f"{run.store}/releases"})

    with pytest.raises(BadInputError) as caught:
        promote(nanos())
    assert str(caught.value) == (
        f"{CANDIDATE} stands for the family pico (release 1), but --candidate {other.uri}/"
        f"candidates/{CANDIDATE} is of the family nano; give one of them another name (release: in "
        "the fleet file), or take the name over with --override REASON"
    )
    assert not (tmp_path / "releases" / CANDIDATE / "000002.json").exists()
    promote(nanos(override="nano takes its place"))
    promote(nanos())
    with pytest.raises(BadInputError, match="stands for the family nano"):
        promote(settings(run))
