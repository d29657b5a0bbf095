"""Geometry of the chart of averages: one panel a group, one bar a model, a whisker for the error.

Pure: numbers in, rectangles and lines out, in pixels; the template draws them as SVG.
"""

import math
from dataclasses import dataclass

from jobs.report.document import ModelScores, Report
from jobs.report.evidence.averages import TITLES, Score

WIDTH, NAMES, BETWEEN, LABEL = 1000, 200, 30, 40
TOP, BAR, GAP, BOTTOM = 30, 20, 10, 22


@dataclass(frozen=True)
class Name:
    """A model's name at the left of its bars; `style` says which kind of model it is."""

    y: float
    text: str
    style: str


@dataclass(frozen=True)
class Bar:
    """One bar; x and y are of its upper left corner, `low` and `high` the whisker's ends."""

    x: float
    y: float
    width: float
    low: float
    high: float
    text: str
    style: str


@dataclass(frozen=True)
class Panel:
    """One group: its title, the positions of its scale's ticks, and its bars."""

    title: str
    x: float
    ticks: tuple[tuple[float, str], ...]
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Chart:
    """The whole drawing."""

    width: float
    height: float
    names: tuple[Name, ...]
    panels: tuple[Panel, ...]


def draw(report: Report) -> Chart:
    """The chart of the models' averages; groups without any average have no panel."""
    names = tuple(
        Name(TOP + index * (BAR + GAP), model.title, _style(report, model))
        for index, model in enumerate(report.models)
    )
    found = [model.averages for model in report.models]
    shown = [group for group in TITLES if any(group in averages for averages in found)]
    ends = [score.value + score.stderr for averages in found for score in averages.values()]
    top = scale_top(max(filter(math.isfinite, ends), default=100.0))
    panel_width = (WIDTH - NAMES + BETWEEN) / max(1, len(shown)) - BETWEEN
    panels = []
    for index, group in enumerate(shown):
        x = NAMES + index * (panel_width + BETWEEN)
        per_point = (panel_width - LABEL) / top  # a label fits beside the longest bar
        bars = tuple(
            _bar(name, averages[group], x, per_point)
            for name, averages in zip(names, found, strict=True)
            if group in averages and math.isfinite(averages[group].value)
        )
        ticks = tuple((round(x + t * per_point, 1), str(t)) for t in range(0, top + 1, top // 4))
        panels.append(Panel(TITLES[group], round(x, 1), ticks, bars))
    return Chart(WIDTH, TOP + len(names) * (BAR + GAP) + BOTTOM, names, tuple(panels))


def scale_top(highest: float) -> int:
    """The end of a scale from 0, in points, that holds `highest`.

    >>> scale_top(31.0), scale_top(64.3), scale_top(97.0)
    (40, 80, 100)
    """
    return next((top for top in (20, 40, 60, 80) if highest <= top), 100)


def _bar(name: Name, score: Score, x: float, per_point: float) -> Bar:
    return Bar(
        x=round(x, 1),
        y=name.y,
        width=round(score.value * per_point, 1),
        low=round(x + max(0.0, score.value - score.stderr) * per_point, 1),
        high=round(x + min(100.0, score.value + score.stderr) * per_point, 1),
        text=f"{score.value:.1f}",
        style=name.style,
    )


def _style(report: Report, model: ModelScores) -> str:
    if model.is_candidate:
        return "candidate"
    is_instruct = model.name in [candidate.instruct for candidate in report.candidates]
    return "instruct" if is_instruct else "original"
