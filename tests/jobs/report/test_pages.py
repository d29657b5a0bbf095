"""What the pages' tables say, by figures worked out by hand."""

import doctest
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobs.kinds.expected import Expected, ExpectedJob
from jobs.report.compose import compose
from jobs.report.document import Report, StepRecord
from jobs.report.evidence.collect import open_run, read_run
from jobs.report.gate import Tolerance
from jobs.report.pages import deciding, facts
from jobs.report.pages.deciding import Compared, compared
from jobs.report.pages.escaping import markdown, said
from jobs.report.pages.making import CostRow, Fact, cost_rows, training_facts
from jobs.report.pages.story import story
from jobs.report.pages.terms import BENCHMARKS, METRICS
from jobs.report.settings import ReportSettings
from jobs.suites import load_suite
from tests.jobs.report.fake_run import CANDIDATE, TRAINED, make_run


def composed(store: Path, tolerance: Tolerance, expected: Expected | None = None) -> Report:
    run = make_run(store, candidate=0.295, train=TRAINED)
    opened = open_run(ReportSettings(run=run.uri, out=run.uri))
    return compose(read_run(run.uri, opened), tolerance, expected)


@pytest.mark.parametrize("module", [deciding, facts])
def test_examples(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # a module


def test_what_the_gate_compared(tmp_path: Path) -> None:
    # 8 columns of three tasks at 1 point of error: 4, 2 and 2 of them, √(4² + 2² + 2²) / 8 = 0.61.
    report = composed(tmp_path, Tolerance(2.0, 0.05))
    assert compared(report, report.candidates[0]) == [
        Compared(
            "Average, candidate − instruct",
            "29.50 − 31.00 = −1.50 points",
            "−2.00 (relaxed; the default is −1.00)",
        ),
        Compared("Its standard error, the two taken as independent", "0.87 points", "–"),
        Compared("Its 95 % interval, ± 1.96 standard errors", "−3.20 to +0.20 points", "–"),
        Compared(
            "Chance that more than 2 points were lost",
            "28.2 %",  # Φ(-0.5 / 0.866)
            "GO up to 5\u00a0% (stricter; the default is 50\u00a0%), NO-GO from 95\u00a0%",
            report.candidates[0].decision,
        ),
        Compared(
            "Bits per byte of held-out articles, candidate − instruct",
            "1.2000 − 1.5000 = −0.3000",
            "below 0",
            report.candidates[0].news.decision,  # type: ignore[union-attr]
        ),
        Compared(
            "Scores that are missing, partial or no number",
            "0",
            "none",
            report.candidates[0].news.decision,  # type: ignore[union-attr]
        ),
    ]
    assert deciding.relaxed(report) == "Relaxed limit: 2 points may be lost where 1 is default."


def test_limits_that_are_the_defaults_are_not_called_relaxed(tmp_path: Path) -> None:
    report = composed(tmp_path, Tolerance(1.0, 0.5))
    assert deciding.relaxed(report) == ""
    assert compared(report, report.candidates[0])[0].limit == "−1.00"


def test_plan_beside_actual(tmp_path: Path) -> None:
    expected = Expected(
        jobs={
            "train": ExpectedJob(seconds=1800, gpu_hours=4, bytes=10, money=60),
            "merge": ExpectedJob(seconds=30),
        },
        clock_seconds=5400,
        currency="EUR",
    )
    report = composed(tmp_path, Tolerance(1.0, 0.5), expected)
    rows = {row.job: row for row in cost_rows(report.costs)}
    # 15 minutes on 8 GPUs are 2 GPU-hours, at half the planned time half the money.
    assert rows["train"] == CostRow(
        "train", "1", ("30 min", "15 min"), ("4.00", "2.00"), ("10 B", "21 B"), ("60.00", "30.00")
    )
    assert rows["merge"].time == ("30.0 s", "–")
    assert rows["evaluate"].steps == "16"
    assert rows["evaluate"].time == ("–", "40.0 s")
    assert rows["All"].time == ("≥ 30 min 30 s", "≥ 15 min 40 s")
    assert rows["All"].gpu_hours == ("4.00", "2.00")
    assert rows["All"].money == ("≥ 60.00", "≥ 30.00")
    assert report.costs.expected_clock_seconds == 5400
    assert report.costs.clock_seconds is not None
    # All is made within a second or two; the training began 15 minutes before its end.
    assert 899 <= report.costs.clock_seconds <= 930


def test_settings_software_and_hardware(tmp_path: Path) -> None:
    report = composed(tmp_path, Tolerance(1.0, 0.5))
    assert report.training is not None
    settings = {"learning_rate": 1e-05, "epochs": 2, "batch_rows": 64, "seed": 0}
    training = report.training.model_copy(update={"settings": settings, "sequence_length": 4096})
    assert training_facts(training) == [
        Fact("Learning rate", "1e-05"),
        Fact("Epochs", "2"),
        Fact("Batch", "64 rows, at most 262,144 tokens"),
        Fact("Row length", "4,096 tokens"),
        Fact("Seed", "0"),
        Fact("Steps, tokens", "3, 600"),
        Fact("Held-out loss, nats a token", "3.000 → 2.500"),
        Fact("Hardware", "8 × NVIDIA A100-SXM4-80GB"),
        Fact("Speed", "1,234 tokens/s, 41.0 % of the device's peak"),
        Fact("Software", "torch 2.13.0"),
    ]


@pytest.mark.parametrize(
    ("job", "statistics", "sentence"),
    [
        ("crawl", {"kept": 313, "pages": 2000, "archives": {"failed": 2}},
         "313 articles from 2,000 pages; 2 archives failed"),
        ("curate", {"kept": 300, "total": 313, "removed": {"too_short": 5, "duplicate": 8, "x": 0}},
         "300 of 313 articles kept; removed: 5 too short, 8 duplicate"),
        ("pack", {"rows": 204, "tokens": 37502, "articles": 275, "heldout_articles": 25},
         "37,502 tokens of 275 articles in 204 rows; 25 held out"),
        ("train", {"steps": 51, "tokens": 37502, "resumed_at_step": 25},
         "51 steps over 37,502 tokens; continued at step 25"),
        ("merge", {"parameters": 8_030_261_248, "bytes_written": 16_060_522_496},
         "8.03B parameters, 16.1 GB written"),
        ("ingest", {"parameters": 494_032_768, "architecture": "Qwen2ForCausalLM"},
         "494M parameters, Qwen2ForCausalLM"),
    ],
)  # fmt: skip
def test_what_was_done(job: str, statistics: dict[str, Any], sentence: str) -> None:
    def step(told: dict[str, Any]) -> StepRecord:
        return StepRecord(
            job=job, version="1", kind="x", uri="a/b", digest="0", inputs={}, bytes=0,
            created=datetime(2026, 1, 1, tzinfo=UTC), settings={}, statistics=told,
        )  # fmt: skip

    assert [words for _, words in story([step(statistics), step({})])] == [sentence]


@pytest.mark.parametrize("suite", ["demo", "paper"])
def test_every_name_of_our_suites_is_explained(suite: str) -> None:
    for column in load_suite(suite).columns:
        assert column.benchmark in BENCHMARKS
        assert column.label in METRICS


def test_what_a_model_said_is_cut_and_stays_one_line() -> None:
    assert said("Dear all,\n\n news", 40) == "Dear all, ⏎ news"
    assert said("abcdef", 4) == "abc…"
    assert said(" \n", 4) == ""


def test_markdown_shows_text_as_it_is() -> None:
    assert markdown("a_b | *c*\n<d>") == "a\\_b \\| \\*c\\* \\<d\\>"


def test_every_number_of_the_markdown_stands_in_the_html(tmp_path: Path) -> None:
    """The tables of both are made of the same rows."""
    from jobs.report.pages.render import render
    from tests.jobs.report.test_report import Page

    report = composed(tmp_path, Tolerance(1.0, 0.5), Expected(jobs={"train": ExpectedJob()}))
    html = " ".join(Page(render("report.html", report)).text.split())
    for line in render("report.md", report).splitlines():
        for cell in line.strip("|").split("|") if line.startswith("| ") else []:
            words = cell.replace("\\", "").strip(" *`")
            if words[:1].isdigit() or words[:1] in "+−":
                assert words in html
    assert CANDIDATE in html
