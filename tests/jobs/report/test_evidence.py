"""What the report says of a run beside its scores: examples, the last release, times."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.artifacts.manifest import Input
from jobs.artifacts.reading import Artifact
from jobs.artifacts.releases import Release
from jobs.errors import BadInputError
from jobs.kinds.report import REPORT
from jobs.report.compose import compose
from jobs.report.document import Report, Role
from jobs.report.evidence.collect import open_run, read_run
from jobs.report.evidence.costs import clock
from jobs.report.evidence.examples import Asked
from jobs.report.gate import Tolerance
from jobs.report.pages.render import render
from jobs.report.settings import ReportSettings
from tests.jobs.report.fake_run import CANDIDATE, TRAINED, FakeRun, make_run
from tests.jobs.report.test_report import report

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def composed(run: FakeRun) -> Report:
    opened = open_run(ReportSettings(run=run.uri, out=run.uri))
    return compose(read_run(run.uri, opened), Tolerance(1.0, 0.5))


def test_items_are_matched_by_task_and_prompt(tmp_path: Path) -> None:
    run = FakeRun(tmp_path)
    run.make_sources()
    metrics = {"acc": (0.5, 0.01), "acc_norm": (0.5, 0.01)}
    for name in ("instruct", CANDIDATE):
        told = [{"prompt": "Name a bird.", "answer": f"{name}: a wren"}, {"prompt": name}]
        run.score(name, "piqa", metrics, examples=told)
        bits = {"instruct": 3.0, CANDIDATE: 2.0}[name]
        article = [{"prompt": "Storm in X", "bits_per_byte": bits}]
        run.score(name, "heldout", {"bits_per_byte": (bits, None)}, examples=article)
    made = composed(run)
    answers = {"instruct": "instruct: a wren", CANDIDATE: f"{CANDIDATE}: a wren"}
    assert Asked(task="piqa", prompt="Name a bird.", answers=answers) in made.asked
    bits_per_byte = {"instruct": 3.0, CANDIDATE: 2.0}
    assert Asked(task="heldout", prompt="Storm in X", bits_per_byte=bits_per_byte) in made.asked
    for page in ("report.html", "report.md"):
        text = render(page, made)
        assert "Name a bird." in text
        assert f"{CANDIDATE}: a wren" in text
        assert "Storm in X" in text


def test_examples_of_another_form_are_an_error(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.score("other", "piqa", {"acc": (0.5, 0.01)}, examples=[{"prompt": 7}], of=CANDIDATE)
    with pytest.raises(BadInputError, match=r"scores/other/piqa: .*examples\.0\.prompt"):
        composed(run)


def test_another_scored_model_is_shown_and_decides_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.score("later", "piqa", {"acc": (0.1, 0.01), "acc_norm": (0.1, 0.01)}, of="base")
    made = composed(run)
    assert [(m.name, m.role) for m in made.models][-1] == ("later", Role.OTHER)
    assert made.decision == "GO"
    assert "| later |" in render("report.md", made)


def release(run: FakeRun, created: datetime, candidate: Input, made: Input) -> None:
    """Release 1, as promote would write it."""
    record = Release(
        model=CANDIDATE, number=1, candidate=candidate, report=made, decision="GO", reasons=(),
        created=created,
    )  # fmt: skip
    path = Path(f"{run.store}/releases/{CANDIDATE}/000001.json")
    path.parent.mkdir(parents=True)
    path.write_text(record.model_dump_json())


def released(store: Path, then: datetime) -> tuple[FakeRun, FakeRun]:
    """(an earlier run of which the candidate was released, the run at hand) in one store."""
    earlier = make_run(store, candidate=0.4, bits=1.3, name="2026-09")
    made = report(earlier)
    candidate = Artifact.open(f"{earlier.uri}/candidates/{CANDIDATE}")
    release(earlier, then, candidate.as_input(), made.as_input())
    return earlier, make_run(store)


def test_the_last_release_stands_beside(tmp_path: Path) -> None:
    _, run = released(tmp_path, LONG_AGO)
    made = composed(run)
    earlier = made.candidates[0].earlier
    assert earlier is not None
    assert (earlier.number, earlier.run, earlier.periods) == (1, "2026-09", ("2026-09",))
    assert earlier.averages["average"].value == pytest.approx(40.0)
    assert earlier.bits_per_byte == 1.3
    assert earlier.is_comparable
    text = render("report.md", made)
    assert "| Average | 40.00 | 31.00 | −9.00 |" in text
    assert "Both were scored on the same sealed items." in text


def test_what_was_released_later_changes_nothing(tmp_path: Path) -> None:
    _, run = released(tmp_path, datetime.now(UTC) + timedelta(hours=1))
    assert composed(run).candidates[0].earlier is None


def test_a_release_whose_report_is_gone_is_still_told(tmp_path: Path) -> None:
    before, run = released(tmp_path, LONG_AGO)
    Path(f"{Artifact.open(f'{before.uri}/report').place.uri}/{REPORT}").unlink()
    made = composed(run)
    earlier = made.candidates[0].earlier
    assert earlier is not None
    assert (earlier.number, earlier.run, earlier.averages) == (1, None, {})
    assert "Its report is no longer to be read." in render("report.md", made)


def test_the_clock_counts_steps_side_by_side_once(tmp_path: Path) -> None:
    run = make_run(tmp_path, train=TRAINED)
    train = Artifact.open(f"{run.uri}/cpt").manifest
    merge = Artifact.open(f"{run.uri}/candidates/{CANDIDATE}").manifest
    end = datetime(2026, 10, 2, 12, tzinfo=UTC)
    before = {"created": end - timedelta(seconds=100), "statistics": {"seconds": 1000}}
    manifests = [
        train.model_copy(update={"created": end}),  # 900 s
        merge.model_copy(update=before),
        merge.model_copy(update={"created": end + timedelta(days=1), "statistics": {}}),
    ]
    assert clock(manifests) == 1100  # from 1100 s before the end of training
    assert clock(manifests[2:]) is None
