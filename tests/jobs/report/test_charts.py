"""The pictures: where the lines lie, by figures worked out by hand, and that they are the same."""

import doctest
import re
from typing import Any

import pytest

from jobs.kinds.promises import HeldoutPoint, LossPoint
from jobs.report.document import Report
from jobs.report.evidence.training import MAX_POINTS, Training, thinned
from jobs.report.evidence.weights import GroupChange, Weights, total
from jobs.report.gate import Tolerance
from jobs.report.pages.charts import canvas, gate, loss, scores, weights
from jobs.report.pages.charts.canvas import Canvas, drawing, fitting
from jobs.report.pages.charts.gate import draw_gate
from jobs.report.pages.charts.loss import draw_loss
from jobs.report.pages.charts.scores import draw_scores
from jobs.report.pages.charts.weights import draw_weights
from tests.jobs.report.test_pages import composed

Point = tuple[float, float]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return composed(tmp_path_factory.mktemp("store"), Tolerance(1.0, 0.5))


def lines(svg: str, colour: str, what: str = "stroke") -> list[list[Point]]:
    """The points of each path of a colour, in pixels of the picture."""
    found = []
    for tag in re.findall(r"<path [^>]*>", svg):
        if f"{what}: var(--{colour})" in tag and " id=" not in tag:
            numbers = re.findall(r"[ML] (-?[\d.]+) (-?[\d.]+)", tag)
            found.append([(float(x), float(y)) for x, y in numbers])
    return found


def flat(points: list[Point]) -> list[float]:
    return [number for point in points for number in point]


def marks(svg: str) -> list[Point]:
    """Where markers stand."""
    return [(float(x), float(y)) for x, y in re.findall(r'<use [^>]*x="(.*?)" y="(.*?)"', svg)]


@pytest.mark.parametrize("module", [canvas, gate, loss, scores, weights])
def test_examples(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # a module


def test_bars_are_in_proportion(report: Report) -> None:
    pictures = draw_scores(report)
    titles = [re.findall(r">([A-Z][a-z ]+)</text>", picture)[0] for picture in pictures]
    assert titles == ["Instruction following", "Reasoning", "Average"]
    width = scores.WIDTH - scores.LEFT - scores.LABEL
    for picture in pictures:
        bars = [*lines(picture, "bar", "fill"), *lines(picture, "instruct", "fill"),
                *lines(picture, "accent", "fill")]  # fmt: skip
        ends = [max(x for x, _ in bar) - scores.LEFT for bar in bars]
        # Of 40 points: base 20, refreshed base 21, instruct 31, candidate 29.5.
        assert ends == pytest.approx([width * v / 40 for v in (20, 21, 31, 29.5)], abs=0.02)
        assert ">31.0</text>" in picture


def test_the_interval_lies_against_the_limit(report: Report) -> None:
    candidate = report.candidates[0]
    assert candidate.ability is not None
    picture = draw_gate([candidate])
    assert picture is not None
    # -1.5 ± 1.96 × 0.866, the limit at -1; the scale from -3.197 to 0.197 with 0.5 room.
    low, high = -1.5 - 1.95996 * 0.75**0.5, -1.5 + 1.95996 * 0.75**0.5
    left, per_point = low - 0.5, (gate.WIDTH - 2 * gate.INSET) / (high - low + 1.0)

    def x(value: float) -> float:
        return float(gate.INSET + (value - left) * per_point)

    thin, thick = lines(picture, "maybe")
    assert [p[0] for p in thin] == pytest.approx([x(low), x(high)], abs=0.02)
    inner = [x(-1.5 - 0.75**0.5), x(-1.5 + 0.75**0.5)]
    assert [p[0] for p in thick] == pytest.approx(inner, abs=0.02)
    assert [p[0] for p in lines(picture, "ink")[0]] == pytest.approx([x(-1.5)] * 2, abs=0.02)
    assert [p[0] for p in lines(picture, "no")[0]] == pytest.approx([x(-1.0)] * 2, abs=0.02)
    assert ">limit −1</text>" in picture
    assert ">−1.50  (−3.2 … +0.2)</text>" in picture


def test_without_a_difference_there_is_no_picture(report: Report) -> None:
    nothing = report.candidates[0].model_copy(update={"ability": None})
    assert draw_gate([nothing]) is None


def training(losses: list[float], heldout: tuple[float | None, float | None]) -> Training:
    curve = tuple(LossPoint(step=n, loss=v, rate=0.1, tokens=5) for n, v in enumerate(losses))
    return Training(
        settings={}, sequence_length=None, rows=None, image=None, curve=curve,
        heldout_loss_before=heldout[0], heldout_loss_after=heldout[1],
    )  # fmt: skip


def test_the_loss_by_step() -> None:
    picture = draw_loss(training([4.0, 2.0, 3.0, 2.0], (5.0, 3.0)))
    assert picture is not None
    width = loss.WIDTH - loss.LEFT - loss.RIGHT
    low, high = 2 - 0.06 * 3, 5 + 0.06 * 3  # the held-out loss is within, too

    def point(step: float, value: float) -> Point:
        y = loss.HEIGHT * (high - value) / (high - low)
        return (loss.LEFT + width * step / 4, loss.TOP + y)

    batches = lines(picture, "bar")[0]
    expected = [point(1, 4), point(2, 2), point(3, 3), point(4, 2)]
    assert flat(batches) == pytest.approx(flat(expected), abs=0.02)
    assert flat(marks(picture)) == pytest.approx([*point(0, 5), *point(4, 3)], abs=0.02)
    on_the_way = (HeldoutPoint(step=1, loss=4.5), HeldoutPoint(step=3, loss=2.5))
    with_way = training([4.0, 2.0, 3.0, 2.0], (5.0, 3.0)).model_copy(update={"heldout": on_the_way})
    picture = draw_loss(with_way)
    assert picture is not None
    points = [point(0, 5), point(1, 4.5), point(3, 2.5), point(4, 3)]
    assert flat(marks(picture)) == pytest.approx(flat(points), abs=0.02)
    alone = draw_loss(training([4.0], (None, None)))
    assert alone is not None
    assert len(marks(alone)) == 1
    assert draw_loss(training([], (5.0, 3.0))) is None


def test_a_long_history_of_an_earlier_version_is_thinned() -> None:
    curve = [LossPoint(step=n, loss=n % 2, rate=0.1, tokens=5) for n in range(4000)]
    points = thinned(curve)
    assert len(points) == MAX_POINTS
    assert {point.loss for point in points} == {0.5}
    assert [point.step for point in points[:2]] == [9, 19]


def part(layer: int | None, group: str, training: float | None, cosine: float | None) -> Any:
    return {
        "layer": layer, "group": group, "elements": 100, "changed": 75, "training_norm": training,
        "residual_norm": 0.1, "cosine": cosine,
    }  # fmt: skip


def moved(*parts: Any) -> Weights:
    whole = total([GroupChange(**one) for one in parts]).model_dump()
    return Weights.model_validate({"change": whole, "groups": list(parts)})


def test_changes_lie_by_layer_and_what_has_none_apart() -> None:
    """The norms of the issue: +0.05 and +0.27 in the layers, −0.291 in the final norm."""
    (picture,) = draw_weights(
        "0",
        moved(
            part(0, "norms", 0.01, 0.05), part(1, "norms", 0.1, 0.27),
            part(None, "norms", 0.1, -0.291), part(None, "head", 0.1, 0.1),
        ),
    )  # fmt: skip
    # Layers 0 and 1, and a place one layer beyond; 4 % of these two on either side.
    per_layer = (weights.WIDTH - weights.LEFT - weights.RIGHT) / 2.16
    x = [weights.LEFT + per_layer * (0.08 + layer) for layer in (0, 1, 2)]
    (cosine,) = lines(picture, "soft")
    top = weights.TOP + weights.CHANGE + weights.GAP
    y = [top + weights.COSINE * (0.5 - value) for value in (0.05, 0.27, -0.291)]
    assert flat(cosine) == pytest.approx([x[0], y[0], x[1], y[1]], abs=0.02)
    assert any(p == pytest.approx((x[2], y[2]), abs=0.02) for p in marks(picture))
    # From 0.001 / 1.6 to 0.01 × 1.6, which is 1.4082 decades.
    (change,) = lines(picture, "accent")
    decades = [0.2041, 1.2041]
    heights = [weights.TOP + weights.CHANGE * (1 - d / 1.4082) for d in decades]
    assert [p[1] for p in change] == pytest.approx(heights, abs=0.05)
    assert ">no layer</text>" in picture


def test_a_stored_residual_has_one_curve_and_no_cosine() -> None:
    stored = moved(part(0, "mlp", None, None), part(None, "head", None, None))
    (picture,) = draw_weights("0", stored)
    assert "training" not in picture
    assert "cosine" not in picture
    assert draw_weights("0", moved(part(None, "head", 0.1, 0.1))) == []


@pytest.mark.parametrize("changes", [(0.0, None), (1e-12, 0.5), (None, None)])
def test_any_change_can_be_drawn(changes: tuple[float | None, float | None]) -> None:
    for cosine in (None, 0.0, 1.0):
        parts = [part(layer, "mlp", changes[layer % 2], cosine) for layer in range(40)]
        (picture,) = draw_weights("0", moved(*parts))
        assert "nan" not in picture


def test_a_picture_is_the_same_each_time_and_nothing_in_it_runs(report: Report) -> None:
    first, again = (draw_gate(report.candidates) for _ in range(2))
    assert first is not None
    assert first == again
    for picture in (first, *draw_scores(report)):
        assert re.findall(r"<script|<style|<metadata|on[a-z]+=|https?:|#0000|DejaVu", picture) == []
        references = re.findall(r'href="#(.*?)"', picture)
        assert set(references) <= set(re.findall(r' id="(.*?)"', picture))


def test_ids_of_two_pictures_never_meet(report: Report) -> None:
    ids = [set(re.findall(r' id="(.*?)"', picture)) for picture in draw_scores(report)]
    assert all(ids)
    assert len(set.union(*ids)) == sum(map(len, ids))


def test_text_is_shown_as_it_is() -> None:
    with drawing():
        board = Canvas(100, 20)
        board.axes(0, 0, 100, 20).text(0, 0.5, "$x^2$ <b> 1.23456 & #00000a")
        picture = board.svg("x", 'a "label"')
    assert ">$x^2$ &lt;b&gt; 1.23456 &amp; #00000a</text>" in picture
    assert 'aria-label="a &#34;label&#34;"' in picture


def test_names_are_cut_and_plain() -> None:
    assert fitting("short", 100) == "short"
    assert fitting("x" * 30, 100) == "x" * 13 + "…"  # 6.72 pixels a letter
    assert fitting("שם\u202e", 1000) == "\\u05e9\\u05dd\\\\u202e"
