"""What the report says and draws of the change of the weights."""

import doctest
import math
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import BadInputError
from jobs.report.compose import compose
from jobs.report.document import Report
from jobs.report.evidence.collect import open_run, read_run
from jobs.report.evidence.weights import GroupChange, Weights, total
from jobs.report.gate import Tolerance
from jobs.report.pages import render
from jobs.report.pages.charts import weights as charts
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
    assert doctest.testmod(charts).failed == 0


def test_total_adds_squares_and_inner_products() -> None:
    both = total([GroupChange(**part(0, "mlp", 0.3, 0.5)), GroupChange(**part(1, "mlp", 0.4, -1))])
    assert (both.elements, both.changed, both.share_changed) == (200, 150, 0.75)
    assert both.training_norm == pytest.approx(0.5)  # 3, 4, 5
    assert both.residual_norm == pytest.approx(0.1 * math.sqrt(2))
    assert both.cosine == pytest.approx((0.5 * 0.03 - 0.04) / (0.5 * 0.1 * math.sqrt(2)))
    assert both.training_rms == pytest.approx(0.5 / math.sqrt(200))
    assert total([both, GroupChange(**part(2, "mlp", None, None))]).training_norm is None


def test_what_has_no_layer_is_told_apart() -> None:
    norms = weights(
        part(0, "norms", 0.03, 0.05), part(1, "norms", 0.04, 0.27), part(None, "norms", 0.1, -0.9)
    )
    layers, final = norms.by_group
    assert (layers[0], final[0]) == ("Norms, all layers", "Norms, no layer")
    # The cosine by inner products: (0.05 × 0.03 + 0.27 × 0.04) / (0.05 √2).
    assert layers[1].cosine == pytest.approx(0.0123 / (0.05 * math.sqrt(2)))
    assert final[1].cosine == pytest.approx(-0.9)
    assert [title for title, _ in weights(part(None, "norms", 0.1, 0.1)).by_group] == ["Norms"]


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
    assert page.text.count("training, rms") == 2  # of two groups, of one candidate
    assert page.text.count("residual, rms") == 3
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
        assert "busy" not in text  # what a job counts for itself stays in its manifest


@pytest.mark.parametrize("merge", [{}, {"change": {}}, {"groups": []}])
def test_an_older_merge_tells_nothing(tmp_path: Path, merge: dict[str, Any]) -> None:
    report = composed(tmp_path, merge)
    for name in ("report.html", "report.md"):
        assert "Change of the weights" not in render.render(name, report)


def test_statistics_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    wrong = {**TINY, "groups": [{**TINY["groups"][0], "elements": "many"}]}
    with pytest.raises(BadInputError, match=rf"{CANDIDATE}: statistics .* groups\.0\.elements"):
        composed(tmp_path, wrong)
