"""What the pages say of statistics, and the geometry of the chart."""

import doctest

import pytest

from jobs.report.document import Report, compose
from jobs.report.evidence.collect import open_run, read_run
from jobs.report.gate import Tolerance
from jobs.report.pages import chart, facts
from jobs.report.pages.chart import draw
from jobs.report.pages.render import markdown
from jobs.report.settings import ReportSettings
from tests.jobs.report.fake_run import make_run


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    run = make_run(tmp_path_factory.mktemp("store"))
    opened = open_run(ReportSettings(run=run.uri, out=run.uri))
    return compose(read_run(run.uri, opened), Tolerance(1.0, 0.5))


@pytest.mark.parametrize("module", [chart, facts])
def test_examples(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # a module


def test_facts() -> None:
    statistics = {
        "articles": 1234,
        "dropped": {"duplicate": 9, "too_short": 0},
        "publishers": {str(number): number for number in range(20)},
        "months": {"2026-10": {"outcome": "done"}},
        "bytes_read": 48_200_000,
        "wait_seconds": 75,
        "fill": 0.98765,
        "checked": True,
        "history": [1, 2, 3],
        "mfu": None,
        "seconds": 3.0,
        "outputs": {"decision": "GO"},
    }
    assert facts.facts(statistics) == [
        ("articles", "1,234"),
        ("dropped duplicate", "9"),
        ("dropped too short", "0"),
        ("publishers", "20"),
        ("months", "1"),
        ("read", "48.2 MB"),
        ("wait", "1 min 15 s"),
        ("fill", "0.9877"),
        ("checked", "yes"),
    ]


def test_bars_are_in_proportion(report: Report) -> None:
    drawn = draw(report)
    assert [panel.title for panel in drawn.panels] == [
        "Instruction following", "Reasoning", "Average",
    ]  # fmt: skip
    for panel in drawn.panels:
        assert panel.ticks[0] == (panel.x, "0")
        assert panel.ticks[-1][1] == "40"
        end = panel.ticks[-1][0] - panel.x
        widths = [bar.width / end for bar in panel.bars]
        assert widths == pytest.approx([0.2 / 0.4, 0.31 / 0.4, 0.21 / 0.4, 0.31 / 0.4], abs=1e-3)
        assert all(bar.low < bar.x + bar.width < bar.high for bar in panel.bars)
        assert panel.bars[-1].high < drawn.width - chart.LABEL
    assert [name.style for name in drawn.names] == ["original", "instruct", "original", "candidate"]


def test_markdown_shows_text_as_it_is() -> None:
    assert markdown("a_b | *c*\n<d>") == "a\\_b \\| \\*c\\* \\<d\\>"
