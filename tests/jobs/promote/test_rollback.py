"""What was released before, and a person took back, is released again by a person only."""

import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from jobs.artifacts.manifest import Input
from jobs.artifacts.reading import Artifact
from jobs.artifacts.releases import Release, add, read_releases
from jobs.promote import work
from jobs.promote.work import promote
from jobs.store.prefix import Prefix
from tests.jobs.promote.test_promote import renew, settings
from tests.jobs.report.fake_run import CANDIDATE, FakeRun, make_run
from tests.jobs.report.test_report import report


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERENNIAL_OUTPUTS", str(tmp_path / "outputs"))
    return tmp_path / "outputs"


@pytest.fixture
def run(tmp_path: Path) -> FakeRun:
    """A run whose first candidate and report lie under other names, and a second candidate."""
    made = make_run(tmp_path)
    report(made)
    for name in (f"candidates/{CANDIDATE}", "report"):
        shutil.copytree(f"{made.uri}/{name}", f"{made.uri}/first/{name}")
    renew(made)
    return made


def first(run: FakeRun, **more: Any) -> Any:
    here = {
        "candidate": f"{run.uri}/first/candidates/{CANDIDATE}",
        "report": f"{run.uri}/first/report",
    }
    return settings(run).model_copy(update=here | more)


def current(run: FakeRun) -> tuple[int, str]:
    """Number of the current record, and which candidate it is."""
    record = read_releases(Prefix(f"{run.store}/releases"))[CANDIDATE][-1]
    old = Artifact.open(f"{run.uri}/first/candidates/{CANDIDATE}").digest
    return record.number, "first" if record.candidate.digest == old else "second"


def test_a_refresh_run_again_leaves_a_rollback_alone(
    run: FakeRun, outputs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    promote(first(run))
    promote(settings(run))
    assert current(run) == (2, "second")
    promote(first(run, override="the second answers in Latin"))
    assert current(run) == (3, "first")
    with caplog.at_level(logging.INFO):
        promote(settings(run))
    assert current(run) == (3, "first"), "the same refresh, run again"
    said = caplog.messages[-1]
    assert said.startswith(f"not-released-again model={CANDIDATE} digest=")
    assert said.endswith(
        "it was number 2, which is current no more; --override REASON releases it again, on the "
        "record"
    )
    assert (outputs / "decision").read_text() == "GO"
    assert (outputs / "release").read_text() == "none"
    promote(settings(run, override="it does not any more"))
    assert current(run) == (4, "second"), "a rollback of the rollback"
    promote(settings(run))
    promote(first(run))
    assert current(run) == (4, "second"), "and now the other refresh, run again"
    records = read_releases(Prefix(f"{run.store}/releases"))[CANDIDATE]
    assert [record.override for record in records] == [
        None,
        None,
        "the second answers in Latin",
        "it does not any more",
    ]


def test_killed_between_record_and_outputs_it_says_the_same_again(
    run: FakeRun, outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(work, "write_outputs", killed)
        with pytest.raises(KeyboardInterrupt):
            promote(settings(run))
    assert not outputs.exists()
    promote(settings(run))
    assert (current(run), (outputs / "release").read_text()) == ((1, "second"), "1")
    # Killed, then rolled back by a person before the retry.
    promote(first(run, override="back"))
    promote(settings(run))
    assert (current(run), (outputs / "release").read_text()) == ((2, "first"), "none")


# Records in their order ("candidate/report", "!" where a person overrode), then what is promoted
# and which number becomes, or stays, current.
HISTORIES = {
    "nothing yet": ("", "A/a", 1),
    "the same again": ("A/a", "A/a", 1),
    "the next month": ("A/a", "B/b", 2),
    "an old refresh after a newer one": ("A/a B/b", "A/a", 2),
    "rolled back": ("A/a B/b A/a!", "B/b", 3),
    "rolled back, then the old refresh": ("A/a B/b A/a!", "A/a", 3),
    "rolled back by a record without a reason": ("A/a B/b A/a", "B/b", 3),
    "rolled back two": ("A/a B/b C/c A/a!", "C/c", 4),
    "rolled back two, the one between": ("A/a B/b C/c A/a!", "B/b", 4),
    "rolled back, and a rollback of that": ("A/a B/b A/a! B/b!", "A/a", 4),
    "rolled back to what was never released": ("A/a O/o!", "A/a", 2),
    "rolled back twice": ("A/a B/b A/a! B/b! A/a!", "B/b", 5),
    "rolled back, then the next month": ("A/a B/b A/a!", "C/c", 4),
    "rolled back, the next month, the old refresh": ("A/a B/b A/a! C/c", "B/b", 4),
    "the bytes that are current, for a new month": ("A/a", "A/b", 1),
    "bytes of before, for a new month": ("A/a B/b", "A/c", 3),
    "bytes that were taken back, for a new month": ("A/a B/b A/a!", "B/c", 3),
    "bytes that were overridden by a NO-GO": ("A/a B/b!", "A/c", 2),
    "on purpose": ("A/a B/b A/a!", "B/b!", 4),
    "on purpose, what is current": ("A/a B/b", "B/b!", 2),
    "on purpose, told again": ("A/a B/b A/a! B/b!", "B/b!", 4),
    "of another report on the same refresh": ("A/a B/b A/a! B/b2!", "A/a", 4),
}


@pytest.mark.parametrize("history", HISTORIES)
def test_histories(tmp_path: Path, history: str) -> None:
    before, then, number = HISTORIES[history]
    releases = Prefix(tmp_path)
    for count, text in enumerate(before.split(), 1):
        record = {"model": "m", "number": count, "created": "2026-10-01T00:00:00Z", **facts(text)}
        data = Release.model_validate(record).model_dump_json().encode()
        releases.write(f"m/{count:06d}.json", data)
    add(releases, "m", **facts(then))
    assert [record.number for record in read_releases(releases)["m"]][-1] == number


def facts(text: str) -> dict[str, Any]:
    candidate, _, rest = text.partition("/")
    return {
        "candidate": Input(uri=f"/{candidate}", digest=candidate),
        "report": Input(uri=f"/{rest}", digest=rest.rstrip("!")),
        "decision": "GO",
        "reasons": ("kept",),
        "override": "a person" if text.endswith("!") else None,
    }
