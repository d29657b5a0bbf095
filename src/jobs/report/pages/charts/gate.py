"""What the gate decided by: each candidate's difference with its interval, against the limit."""

import math
from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes

from jobs.kinds.promises import Decision
from jobs.report.document import Candidate
from jobs.report.gate import Ability, signed
from jobs.report.pages.charts.canvas import (
    GO,
    INK,
    LINE,
    MAYBE,
    NO,
    SMALL,
    SOFT,
    Canvas,
    drawing,
    fitting,
)

WIDTH, INSET, TOP, ROW, BOTTOM = 440, 12, 22, 46, 36
BAND, BAND_HEIGHT = 31, 24
"""Of a row: the middle of where its interval lies, and how high that is."""
COLOURS = {Decision.GO: GO, Decision.NO_GO: NO, Decision.INCONCLUSIVE: MAYBE}


def draw_gate(candidates: Sequence[Candidate]) -> Markup | None:
    """The picture, or None where no candidate has a difference."""
    shown = [(c.model, c.ability) for c in candidates if c.ability and _is_finite(c.ability)]
    if not shown:
        return None
    with drawing():
        return _picture(shown)


def _picture(shown: Sequence[tuple[str, Ability]]) -> Markup:
    limit = shown[0][1].limit
    low = min(limit, 0.0, *(ability.low for _, ability in shown))
    high = max(0.0, *(ability.high for _, ability in shown))
    room = max(0.5, 0.06 * (high - low))
    canvas = Canvas(WIDTH, TOP + ROW * len(shown) + BOTTOM)
    axes = canvas.axes(INSET, TOP, WIDTH - 2 * INSET, ROW * len(shown))
    axes.set_xlim(low - room, high + room)
    axes.set_ylim(ROW * len(shown), 0)
    axes.set_yticks([])
    axes.set_xlabel("points of the average, candidate − instruct")
    _say(axes, limit, f"limit {signed(limit, 1 if limit % 1 else 0)}" if limit else "limit 0", NO)
    if _are_apart(limit, 0.0, axes.get_xlim()):
        _say(axes, 0.0, "no change", SOFT)
    for index, (name, ability) in enumerate(shown):
        _row(axes, ROW * index, name, ability)
    return canvas.svg(
        "gate",
        "Difference of the averages with its 95 % interval, against the limit; see the table",
    )


def _row(axes: Axes, y: float, name: str, ability: Ability) -> None:
    colour = COLOURS[ability.decision]
    left, right = axes.get_xlim()
    axes.barh(
        y + BAND, ability.limit - left, BAND_HEIGHT, left=left, color=NO, alpha=0.09, clip_on=False
    )
    ends = (y + BAND - BAND_HEIGHT / 2, y + BAND + BAND_HEIGHT / 2)
    axes.plot([0, 0], ends, color=LINE, linewidth=1.5, clip_on=False)
    axes.plot([ability.limit] * 2, ends, color=NO, linewidth=1.5, clip_on=False)
    axes.text(left, y + 11, fitting(name, WIDTH - 2 * INSET - 130), va="center", size=SMALL)
    axes.text(
        right, y + 11,
        f"{signed(ability.difference)}  ({signed(ability.low, 1)} … {signed(ability.high, 1)})",
        va="center", ha="right", size=SMALL, color=SOFT,
    )  # fmt: skip
    axes.plot(
        [ability.low, ability.high], [y + BAND, y + BAND], color=colour, linewidth=2, clip_on=False,
        solid_capstyle="butt",
    )  # fmt: skip
    half = ability.stderr
    axes.plot(
        [ability.difference - half, ability.difference + half], [y + BAND, y + BAND], color=colour,
        linewidth=6, clip_on=False, solid_capstyle="butt",
    )  # fmt: skip
    stroke = (y + BAND - 7, y + BAND + 7)
    axes.plot([ability.difference] * 2, stroke, color=INK, linewidth=2, clip_on=False)


def _say(axes: Axes, x: float, words: str, colour: str) -> None:
    """Above a line."""
    left, right = axes.get_xlim()
    share = (x - left) / (right - left)
    side = "left" if share < 0.15 else "right" if share > 0.85 else "center"
    axes.text(x, -9, words, va="center", ha=side, size=SMALL, color=colour)


def _are_apart(one: float, other: float, scale: tuple[float, float]) -> bool:
    """Whether two words above the lines have room beside each other."""
    return abs(one - other) / (scale[1] - scale[0]) * WIDTH > 110


def _is_finite(ability: Ability) -> bool:
    return all(map(math.isfinite, (ability.low, ability.high, ability.limit)))
