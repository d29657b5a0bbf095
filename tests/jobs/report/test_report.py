"""The job on a store with real manifests."""

import json
import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from jobs.artifacts.manifest import find_manifest
from jobs.artifacts.reading import Artifact
from jobs.command.running import begin, finish
from jobs.errors import BadInputError
from jobs.report.compose import compose
from jobs.report.evidence.collect import open_run, read_run
from jobs.report.gate import Tolerance
from jobs.report.settings import ReportSettings
from jobs.report.work import write_report
from jobs.store.prefix import Prefix
from jobs.suites import load_suite
from tests.jobs.report.fake_run import CANDIDATE, RUN, TRAINED, FakeRun, make_run


def report(run: FakeRun, **settings: Any) -> Artifact:
    given = ReportSettings(run=run.uri, out=f"{run.uri}/report", **settings)
    job = begin(given, open_run(given))
    assert job is not None
    return finish(job, write_report(job))


def document(run: FakeRun, **settings: Any) -> dict[str, Any]:
    """What report.json would hold; nothing is drawn."""
    given = ReportSettings(run=run.uri, out=f"{run.uri}/report", **settings)
    tolerance = Tolerance(given.max_loss_of_ability, given.max_chance_of_loss)
    made = compose(read_run(run.uri, open_run(given)), tolerance)
    content: dict[str, Any] = json.loads(made.model_dump_json())
    return content


def test_command_writes_everything_and_is_done_the_second_time(tmp_path: Path) -> None:
    run = make_run(tmp_path / "store")
    out = f"{run.uri}/report"
    command = [sys.executable, "-m", "jobs.report", "--run", run.uri, "--out", out]
    outputs = {**os.environ, "PERENNIAL_OUTPUTS": str(tmp_path / "outputs")}
    first = subprocess.run(command, check=True, capture_output=True, text=True, env=outputs)
    said = [line.partition(" INFO report: ")[2] for line in first.stderr.splitlines()]
    assert said[0] == f"{CANDIDATE}: GO"
    assert said[1] == (
        f"{CANDIDATE}: Ability kept: average 31.00 against 31.00 of the instruct model, +0.00 "
        "(standard error 0.87); up to 1 point may be lost."
    )
    assert said[2].startswith(f"{CANDIDATE}: News learned: 1.2000 bits per byte of held-out")
    assert said[3].startswith(f"committed out={out} digest=")
    made = Artifact.open(out, "report")
    assert (tmp_path / "outputs" / "digest").read_text() == made.digest
    card = f"{CANDIDATE}/model-card.md"
    assert made.paths == sorted(["report.html", "report.json", "report.md", card])
    assert made.statistics["decision"] == "GO"
    assert made.statistics["averages"]["instruct"] == 31.0
    again = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "already-done" in again.stderr
    shutil.rmtree(out)
    assert report(run).digest == made.digest  # also in another process, pictures and all


def test_document(tmp_path: Path) -> None:
    content = document(make_run(tmp_path))
    assert content["decision"] == "GO"
    assert content["periods"] == [RUN]
    assert [model["name"] for model in content["models"]] == [
        "base", "instruct", "refreshed-base", CANDIDATE,
    ]  # fmt: skip
    candidate = content["models"][3]
    assert candidate["averages"]["average"]["value"] == pytest.approx(31.0)
    assert candidate["bits_per_byte"] == 1.2
    assert [step["job"] for step in content["lineage"][:8]] == [
        "crawl", "curate", "ingest", "ingest", "pack", "train", "merge", "bundle",
    ]  # fmt: skip
    assert content["lineage"][0]["uri"] == f"articles/{RUN}"
    assert str(tmp_path) not in json.dumps(content)


def test_equal_runs_make_equal_reports(tmp_path: Path) -> None:
    first = make_run(tmp_path / "one")
    digest = report(first).digest
    shutil.copytree(tmp_path / "one", tmp_path / "kept")
    shutil.rmtree(f"{first.uri}/report")
    assert report(first).digest == digest


@pytest.mark.parametrize(
    ("candidate", "bits", "decision"),
    [(0.31, 1.2, "GO"), (0.295, 1.2, "INCONCLUSIVE"), (0.2, 1.2, "NO-GO"), (0.31, 1.5, "NO-GO")],
)
def test_decision(tmp_path: Path, candidate: float, bits: float, decision: str) -> None:
    assert document(make_run(tmp_path, candidate, bits))["decision"] == decision


def test_tolerance_is_a_setting(tmp_path: Path) -> None:
    assert document(make_run(tmp_path, 0.295), max_loss_of_ability=2)["decision"] == "GO"


def rescore(run: FakeRun, name: str, task: str, *, value: float | None, limit: int | None) -> None:
    shutil.rmtree(f"{run.uri}/scores/{name}/{task}")
    run.score(name, task, {"acc": (value, 0.01), "acc_norm": (value, 0.01)}, limit=limit)


@pytest.mark.parametrize(
    ("value", "limit", "decision", "reason"),
    [
        (0.9, 10, "INCONCLUSIVE", "part of its items only: piqa of pico-instruct (100 items)"),
        (None, None, "NO-GO", "Not a number: piqa acc of pico-instruct"),
    ],
)
def test_limit_and_no_number(
    tmp_path: Path, value: float | None, limit: int | None, decision: str, reason: str
) -> None:
    run = make_run(tmp_path)
    rescore(run, CANDIDATE, "piqa", value=value, limit=limit)
    content = document(run)
    assert content["decision"] == decision
    assert reason in " ".join(content["reasons"])


@pytest.mark.parametrize(
    ("gone", "reason"),
    [
        (f"scores/{CANDIDATE}/piqa", f"Not scored: piqa of {CANDIDATE}."),
        ("scores/instruct/heldout", "Not scored: held-out articles of instruct."),
        ("scores/instruct", "Not scored: the instruct model."),
        (f"scores/{CANDIDATE}", f"Not scored: {CANDIDATE}."),
    ],
)
def test_missing_scores_are_inconclusive(tmp_path: Path, gone: str, reason: str) -> None:
    run = make_run(tmp_path)
    shutil.rmtree(f"{run.uri}/{gone}")
    content = document(run)
    assert content["decision"] == "INCONCLUSIVE"
    assert reason in content["reasons"]


def test_each_candidate_has_its_decision_and_the_refreshed_one_decides(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    base, instruct = run.model_path("base"), run.model_path("instruct")
    run.make("models/pico/derived", ("ingest", "model"))
    onto = "models/pico/derived"
    run.make_candidate("pico-docs", {"base": base, "instruct": instruct, "onto": onto})
    run.score_all("pico-docs", 0.1, 1.2)
    made = report(run)
    content = made.read_json("report.json")
    assert content["decision"] == "GO"
    assert content["main_candidates"] == [CANDIDATE]
    news = "Trained on news published in 2026-10."
    assert news in made.read(f"{CANDIDATE}/model-card.md").decode()
    assert news not in made.read("pico-docs/model-card.md").decode()
    decisions = {item["model"]: item["decision"] for item in content["candidates"]}
    assert decisions == {CANDIDATE: "GO", "pico-docs": "NO-GO"}


def test_a_control_has_its_row_and_no_say(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.make_control()
    run.score_all("s1", 0.1, 0.9)
    made = report(run)
    content = made.read_json("report.json")
    assert content["decision"] == "GO"
    assert [item["model"] for item in content["candidates"]] == [CANDIDATE]
    assert [(m["name"], m["role"]) for m in content["models"]] == [
        ("base", "original"), ("instruct", "instruct"), ("refreshed-base", "refreshed"),
        ("s1", "control"), (CANDIDATE, "candidate"),
    ]  # fmt: skip
    assert f"runs/{RUN}/pico/controls/s1" in [step["uri"] for step in content["lineage"]]
    said = (
        "Points of instruction following: instruct 31.00, s1 10.00, pico-instruct 31.00. "
        "Bits per byte of held-out news: instruct 1.5000, s1 0.9000, pico-instruct 1.2000."
    )
    html, text = (made.read(f"report.{kind}").decode() for kind in ("html", "md"))
    assert said in html
    assert said in text
    assert "<th>s1 (control)</th>" in html
    assert " s1 (control) |" in text


def test_without_a_control_nothing_is_said_of_one(tmp_path: Path) -> None:
    made = report(make_run(tmp_path))
    for path in made.paths:
        assert "control" not in made.read(path).decode()


def test_scores_of_an_earlier_control_are_an_error(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.make_control()
    run.score_all("s1", 0.1, 0.9)
    shutil.rmtree(f"{run.uri}/controls/s1")
    run.make(run.path("controls/s1"), ("train", "model"), files={"content": "new"})
    with pytest.raises(BadInputError, match="but the control is now"):
        report(run)


def test_a_changed_input_is_an_error(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    shutil.rmtree(f"{run.store}/articles/{RUN}")
    run.make(f"articles/{RUN}", ("crawl", "articles"), files={"content": "other"})
    with pytest.raises(BadInputError, match=r"articles/2026-10 changed after .*articles-clean"):
        report(run)


def test_a_deleted_source_stays_as_its_digest(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    digest = Artifact.open(f"{run.store}/articles/{RUN}").digest
    shutil.rmtree(f"{run.store}/articles/{RUN}")
    content = document(run)
    gone = [step for step in content["lineage"] if step["uri"] == f"articles/{RUN}"]
    assert [(step["digest"], step["version"]) for step in gone] == [(digest, None)]


def test_scores_of_an_earlier_candidate_are_an_error(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    manifest = find_manifest(Prefix(f"{run.uri}/candidates/{CANDIDATE}"))
    assert manifest is not None
    shutil.rmtree(f"{run.uri}/candidates/{CANDIDATE}")
    run.make(run.path(f"candidates/{CANDIDATE}"), ("merge", "model"), files={"content": "new"})
    with pytest.raises(BadInputError, match="the candidate is now"):
        report(run)


def test_scores_on_different_bundles_cannot_be_compared(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    shutil.rmtree(f"{run.store}/eval-data/demo")
    run.make("eval-data/demo", ("bundle", "bundle"), files={"suite.json": "{}"})
    rescore(run, "base", "piqa", value=0.5, limit=None)
    with pytest.raises(BadInputError, match="their bundle differ"):
        report(run)


@pytest.mark.parametrize(("below", "expected"), [("", "candidates"), ("/scores", "candidates")])
def test_no_run_is_an_error(tmp_path: Path, below: str, expected: str) -> None:
    run = make_run(tmp_path)
    settings = ReportSettings(run=f"{run.uri}{below}/nothing", out=f"{run.uri}/report")
    with pytest.raises(BadInputError, match=expected):
        open_run(settings)


def test_paper_stands_beside(tmp_path: Path) -> None:
    run = FakeRun(tmp_path, family="qwen2.5-1.5b", suite="paper")
    run.make_sources()
    for name in ("instruct", CANDIDATE):
        run.score_all(name, 0.5, 1.0)
    made = report(run)
    assert [model["name"] for model in made.read_json("report.json")["paper"]] == [
        "base", "instruct",
    ]  # fmt: skip
    html = made.read("report.html").decode()
    assert "arXiv 2410.10739" in html
    assert "51.24" in html  # the paper's average of the base
    assert "None" not in html


class Page(HTMLParser):
    """Collects the tags of a page and checks that they close in order."""

    VOID = ("meta", "br")
    LINKS = ("../../../../../", "https://arxiv.org/abs/", "https://huggingface.co/", "#")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open_tags: list[str] = []
        self.seen: set[str] = set()
        self.text = ""
        self.feed(text)
        assert self.open_tags == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            assert name != "src"
            assert "href" not in name or (value or "").startswith(self.LINKS)
        if tag not in self.VOID:
            self.open_tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open_tags.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_everything_is_escaped_and_nothing_runs(tmp_path: Path) -> None:
    evil = '<script>alert(1)</script> & "x" | `y` [z](http://z)'
    run = FakeRun(tmp_path)
    run.make_sources({"train": {**TRAINED, "device": evil}, "curate": {"removed": {evil: 1}}})
    for name in ("instruct", CANDIDATE):
        run.score_all(name, 0.5, 1.0)
        shutil.rmtree(f"{run.uri}/scores/{name}/ifeval")
        metrics = {c.metric: (0.5, 0.01) for c in load_suite("demo").task("ifeval").columns}
        run.score(name, "ifeval", metrics, examples=[{"prompt": evil, "answer": evil}])
    made = report(run)
    html = made.read("report.html").decode()
    page = Page(html)
    assert "script" not in page.seen
    assert "<script" not in html
    assert evil in page.text
    markdown = made.read("report.md").decode() + made.read(f"{CANDIDATE}/model-card.md").decode()
    assert "\\<script\\>" in markdown
    assert "<script" not in markdown.replace("\\<", "")
    assert "\\[z\\](http" in markdown


def test_markdown_tables_are_whole(tmp_path: Path) -> None:
    lines = report(make_run(tmp_path)).read("report.md").decode().splitlines()
    tables = "\n".join(line if line.startswith("|") else "" for line in lines).split("\n\n")
    for rows in (table.strip().splitlines() for table in tables if table.strip()):
        assert len({row.count("|") for row in rows}) == 1
        assert len(rows) > 2
