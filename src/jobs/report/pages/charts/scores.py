"""The models' averages: one picture a group, one bar a model, a whisker for one standard error."""

import math

from markupsafe import Markup
from matplotlib.axes import Axes

from jobs.report.document import ModelScores, Report, Role
from jobs.report.evidence.averages import TITLES, Score
from jobs.report.pages.charts.canvas import (
    ACCENT,
    BAR,
    INK,
    INSTRUCT,
    SMALL,
    SOFT,
    Canvas,
    drawing,
    fitting,
    grid,
)

WIDTH, LEFT, TITLE, ROW, BOTTOM, LABEL = 310, 4, 26, 38, 22, 38
_COLOURS = {Role.CANDIDATE: ACCENT, Role.INSTRUCT: INSTRUCT}


def draw_scores(report: Report) -> list[Markup]:
    """A picture of each group of which a model has the average."""
    groups = [name for name in TITLES if any(name in m.averages for m in report.models)]
    ends = [s.value + s.stderr for m in report.models for s in m.averages.values()]
    top = scale_top(max(filter(math.isfinite, ends), default=100.0))
    with drawing():
        return [_picture(report.models, group, top) for group in groups]


def scale_top(highest: float) -> int:
    """The end of a scale from 0, in points, that holds `highest`.

    >>> scale_top(31.0), scale_top(64.3), scale_top(97.0)
    (40, 80, 100)
    """
    return next((top for top in (20, 40, 60, 80) if highest <= top), 100)


def _picture(models: tuple[ModelScores, ...], group: str, top: int) -> Markup:
    height = TITLE + ROW * len(models) + BOTTOM
    canvas = Canvas(WIDTH, height)
    axes = canvas.axes(LEFT, TITLE, WIDTH - LEFT - LABEL, ROW * len(models))
    axes.set_xlim(0, top)
    axes.set_ylim(ROW * len(models), 0)  # pixels downwards
    axes.set_yticks([])
    ticks = range(0, top + 1, top // 4)
    axes.set_xticks(list(ticks))
    grid(axes, ticks, "x")
    axes.text(0, -12, TITLES[group], weight="bold", va="center")
    for index, model in enumerate(models):
        y = ROW * index
        is_candidate = model.role == Role.CANDIDATE
        axes.text(
            0, y + 9, fitting(model.title, WIDTH - LEFT), va="center", size=SMALL,
            color=ACCENT if is_candidate else SOFT, weight="bold" if is_candidate else "normal",
        )  # fmt: skip
        score = model.averages.get(group)
        if score is not None and math.isfinite(score.value):
            _bar(axes, y + 25, score, _COLOURS.get(model.role, BAR))
        else:
            axes.text(0, y + 25, "no score", va="center", size=SMALL, color=SOFT)
    return canvas.svg(f"scores-{group}", f"{TITLES[group]} by model, in points; see the table")


def _bar(axes: Axes, y: float, score: Score, colour: str) -> None:
    low, high = max(0.0, score.value - score.stderr), min(100.0, score.value + score.stderr)
    axes.barh(y, score.value, 16, color=colour, clip_on=False)
    axes.errorbar(
        score.value, y, xerr=[[score.value - low], [high - score.value]], fmt="none", ecolor=INK,
        elinewidth=1, capsize=3, capthick=1, clip_on=False,
    )  # fmt: skip
    axes.annotate(
        f"{score.value:.1f}", (high, y), xytext=(6, 0), textcoords="offset points", va="center",
        size=SMALL, annotation_clip=False,
    )  # fmt: skip
