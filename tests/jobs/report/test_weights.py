"""What the report says and draws of the change of the weights."""

import doctest
import math
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import BadInputError
from jobs.report.document import Report, compose
from jobs.report.evidence.collect import open_run, read_run
from jobs.report.evidence.weights import GroupChange, Weights, total
from jobs.report.gate import Tolerance
from jobs.report.pages import render, weights_chart
from jobs.report.pages.weights_chart import Curve, LogScale, draw_weights
from jobs.report.settings import ReportSettings
from tests.jobs.report.fake_run import CANDIDATE, make_run
from tests.jobs.report.test_report import Page

Part = dict[str, Any]


def part(layer: int | None, group: str, training: float | None, cosine: float | None) -> Part:
    """100 elements, of which 75 changed; the residual moved each by 0.01."""
    return {
        "layer": layer,
        "group": group,
        "elements": 100,
        "changed": 75,
        "training_norm": training,
        "residual_norm": 0.1,
        "cosine": cosine,
    }


def statistics(*parts: Part) -> dict[str, Any]:
    whole = total([GroupChange(**one) for one in parts]).model_dump()
    return {"change": whole, "groups": list(parts), "busy": {"read": 2.0}}


TINY = statistics(
    part(None, "embeddings", 0.03, 0.02),
    part(0, "attention", 0.1, 0.05),
    part(0, "mlp", 0.01, -0.1),
    part(1, "attention", 0.01, 0.0),
    part(1, "mlp", 0.0, None),
)


def composed(store: Path, *merges: dict[str, Any]) -> Report:
    """The report on a run of one candidate for each of `merges`, their statistics."""
    run = make_run(store, merge=merges[0])
    base, instruct = run.model_path("base"), run.model_path("instruct")
    for number, merge in enumerate(merges[1:]):
        made_from = {"base": base, "instruct": instruct, "onto": base}
        run.make_candidate(f"other-{number}", made_from, merge)
    opened = open_run(ReportSettings(run=run.uri, out=run.uri))
    return compose(read_run(run.uri, opened), Tolerance(1.0, 0.5))


def weights(*parts: Part) -> Weights:
    return Weights.model_validate(statistics(*parts))


def test_examples() -> None:
    assert doctest.testmod(weights_chart).failed == 0
    assert doctest.testmod(render).failed == 0


def test_total_adds_squares_and_inner_products() -> None:
    both = total([GroupChange(**part(0, "mlp", 0.3, 0.5)), GroupChange(**part(1, "mlp", 0.4, -1))])
    assert (both.elements, both.changed, both.share_changed) == (200, 150, 0.75)
    assert both.training_norm == pytest.approx(0.5)  # 3, 4, 5
    assert both.residual_norm == pytest.approx(0.1 * math.sqrt(2))
    assert both.cosine == pytest.approx((0.5 * 0.03 - 0.04) / (0.5 * 0.1 * math.sqrt(2)))
    assert both.training_rms == pytest.approx(0.5 / math.sqrt(200))
    assert total([both, GroupChange(**part(2, "mlp", None, None))]).training_norm is None


def test_geometry() -> None:
    picture = draw_weights(Weights.model_validate(TINY))
    assert picture is not None
    assert [column.title for column in picture.columns] == ["Attention", "MLP"]
    attention, mlp = picture.columns
    # Two columns share 1000 − 200, 30 apart; the layers lie 8 within.
    assert (attention.x, mlp.x) == (200, 615)
    assert attention.layers == ((208, "0"), (577, "1"))
    change, cosine = mlp.plots
    # From 0.01 down to 0.001 over 84 pixels, then 16 for zero.
    assert change.ticks == ((136, "0.001"), (52, "0.01"), (152, "0"))
    assert change.curves == (
        Curve("training", "M623 136L992 152", ((623, 136), (992, 152))),
        Curve("residual", "M623 52L992 52", ((623, 52), (992, 52))),
    )
    assert cosine.ticks == ((170, "0.1"), (195, "0"), (220, "−0.1"))
    assert cosine.curves == (Curve("cosine", "M623 220", ((623, 220),)),)
    assert attention.plots[1].curves[0].path == "M208 182.5L577 195"
    assert picture.height == 244


def test_many_layers_are_a_line_with_marks_only_where_a_point_stands_alone() -> None:
    parts = [part(layer, "mlp", 0.1, None if layer in (3, 5) else 0.5) for layer in range(20)]
    picture = draw_weights(weights(*parts))
    assert picture is not None
    change, cosine = picture.columns[0].plots
    assert [curve.marks for curve in change.curves] == [(), ()]
    assert len(cosine.curves[0].marks) == 1
    assert cosine.curves[0].path.count("M") == 3


def test_a_stored_residual_has_one_curve_and_no_cosine() -> None:
    told = weights(part(0, "mlp", None, None), part(None, "head", None, None))
    picture = draw_weights(told)
    assert picture is not None
    assert not picture.has_training
    assert [len(column.plots) for column in picture.columns] == [1]
    assert draw_weights(weights(part(None, "head", 0.1, 0.1))) is None


def test_scale_holds_zeros_alone_and_a_wide_range() -> None:
    assert LogScale.of([0.0, 0.0]).ticks() == ((100, "0"),)
    assert LogScale.of([1e-12, 3.0]).steps[::38] == (1e-12, 5.0)
    assert len(LogScale.of([1e-12, 3.0]).ticks()) <= weights_chart.MAX_TICKS


def test_report_shows_each_candidate_that_tells(tmp_path: Path) -> None:
    stored = statistics(part(0, "mlp", None, None))
    report = composed(tmp_path, TINY, stored, {})
    told = {candidate.model: candidate.weights for candidate in report.candidates}
    assert told == {
        CANDIDATE: Weights.model_validate(TINY),
        "other-0": Weights.model_validate(stored),
        "other-1": None,
    }
    assert Report.model_validate_json(report.model_dump_json()).candidates == report.candidates
    html = render.render("report.html", report)
    page = Page(html)
    assert "script" not in page.seen
    assert page.text.count("training: onto − base") == 1
    assert page.text.count("residual: instruct − base") == 2
    markdown = render.render("report.md", report)
    assert "| Attention | 200 | 0.0071 | 0.010 | +0.035 | 75.0 % |" in markdown
    for text in (page.text, markdown):
        assert (
            "Training moved an element of the weights by 0.0047 (root mean square over all), the "
            "residual by 0.010, 2.1 times as far; the two stand nearly at right angles "
            "(cosine +0.020)." in text
        )
        assert "Of 500 elements 75.0 % differ" in text
        assert "How far training moved the weights is not known here" in text
        assert "busy read 2.0 s" in " ".join(text.split())


@pytest.mark.parametrize("merge", [{}, {"change": {}}, {"groups": []}])
def test_an_older_merge_tells_nothing(tmp_path: Path, merge: dict[str, Any]) -> None:
    report = composed(tmp_path, merge)
    for name in ("report.html", "report.md"):
        assert "Change of the weights" not in render.render(name, report)


def test_statistics_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    wrong = {**TINY, "groups": [{**TINY["groups"][0], "elements": "many"}]}
    with pytest.raises(BadInputError, match=rf"{CANDIDATE}: statistics .* groups\.0\.elements"):
        composed(tmp_path, wrong)
