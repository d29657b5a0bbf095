"""Geometry of the picture of the weights: what moved them, by layer, one column a group.

Above, the root mean square of both changes on one logarithmic scale for all columns; below, the
cosine between the two, where it is known. Pure: numbers in, lines out, in pixels; the template
draws them as SVG.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jobs.report.evidence.weights import GROUPS, Change, Weights
from jobs.report.pages.facts import small

WIDTH, LEFT, BETWEEN, INSET = 1000, 200, 30, 8
TOP, CHANGE, COSINE, GAP, BOTTOM = 52, 100, 50, 18, 24
ZERO = 16
"""Height kept below a logarithmic scale for zeros."""
MAX_TICKS = 5
MAX_MARKED = 12
"""Layers up to which every point has a mark; beyond, only those that stand alone."""

Ticks = tuple[tuple[float, str], ...]
"""Places along an axis with their labels."""


@dataclass(frozen=True)
class Curve:
    """One line over the layers, as the path of an SVG, and the marks on it."""

    style: str
    path: str
    marks: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Plot:
    """One field of the picture; x and y are of its upper left corner."""

    caption: tuple[str, ...]
    """What is measured; said beside the first column only."""
    x: float
    y: float
    width: float
    height: float
    ticks: Ticks
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Column:
    """One group: its title, its scale of layers and its plots."""

    title: str
    x: float
    layers: Ticks
    plots: tuple[Plot, ...]


@dataclass(frozen=True)
class Picture:
    """The whole drawing."""

    width: float
    height: float
    columns: tuple[Column, ...]
    has_training: bool


@dataclass(frozen=True)
class LogScale:
    """A logarithmic scale between two round numbers, with a line for zero where it is needed."""

    steps: tuple[float, ...]
    has_zero: bool

    @classmethod
    def of(cls, values: Iterable[float]) -> "LogScale":
        found = list(values)
        positive = [value for value in found if value > 0]
        return cls(round_steps(min(positive), max(positive)) if positive else (), 0.0 in found)

    def y(self, value: float) -> float:
        """Distance from the upper end, 0 to CHANGE."""
        if value == 0:
            return CHANGE
        low, high = math.log(self.steps[0]), math.log(self.steps[-1])
        height = CHANGE - ZERO * self.has_zero
        return round(height * (high - math.log(value)) / (high - low), 1)

    def ticks(self) -> Ticks:
        powers = [step for step in self.steps if _is_power_of_ten(step)]
        shown = powers if len(powers) > 1 else self.steps
        shown = shown[:: math.ceil(len(shown) / MAX_TICKS) or 1]
        ticks = tuple((self.y(step), small(step, 1)) for step in shown)
        return (*ticks, (CHANGE, "0")) if self.has_zero else ticks


def draw_weights(weights: Weights) -> Picture | None:
    """The picture, or None where no group has layers."""
    by_group = {
        group: {p.layer: p for p in weights.groups if p.group == group and p.layer is not None}
        for group in GROUPS
    }
    shown = {group: dict(sorted(parts.items())) for group, parts in by_group.items() if parts}
    if not shown:
        return None
    parts = [part for found in shown.values() for part in found.values()]
    trained = [part.training_rms for part in parts if part.training_rms is not None]
    added = [part.residual_rms for part in parts if part.residual_rms is not None]
    scale = LogScale.of([*trained, *added])
    cosines = [abs(part.cosine) for part in parts if part.cosine is not None]
    top = cosine_top(max(cosines)) if cosines else None
    width = round((WIDTH - LEFT + BETWEEN) / len(shown) - BETWEEN, 1)
    columns = []
    for index, (group, found) in enumerate(shown.items()):
        x = round(LEFT + index * (width + BETWEEN), 1)
        xs = _positions(list(found), x, width)
        plots = [_change(list(found.values()), xs, x, width, scale)]
        if top is not None:
            plots.append(_cosine(list(found.values()), xs, x, width, top))
        columns.append(Column(GROUPS[group], x, _layer_ticks(list(found), xs), tuple(plots)))
    height = TOP + CHANGE + (GAP + COSINE if top is not None else 0) + BOTTOM
    return Picture(WIDTH, height, tuple(columns), bool(trained))


def _change(
    parts: Sequence[Change], xs: Sequence[float], x: float, width: float, scale: LogScale
) -> Plot:
    def y(value: float | None) -> float | None:
        return None if value is None else round(TOP + scale.y(value), 1)

    return Plot(
        caption=("Change of an element,", "root mean square,", "logarithmic"),
        x=x,
        y=TOP,
        width=width,
        height=CHANGE,
        ticks=tuple((round(TOP + y, 1), label) for y, label in scale.ticks()),
        curves=(
            _curve("training", xs, [y(part.training_rms) for part in parts]),
            _curve("residual", xs, [y(part.residual_rms) for part in parts]),
        ),
    )


def _cosine(
    parts: Sequence[Change], xs: Sequence[float], x: float, width: float, top: float
) -> Plot:
    above, middle = TOP + CHANGE + GAP, TOP + CHANGE + GAP + COSINE / 2

    def y(value: float | None) -> float | None:
        return None if value is None else round(middle - COSINE / 2 * value / top, 1)

    return Plot(
        caption=("Cosine of the two",),
        x=x,
        y=above,
        width=width,
        height=COSINE,
        ticks=((above, f"{top:g}"), (middle, "0"), (above + COSINE, f"−{top:g}")),
        curves=(_curve("cosine", xs, [y(part.cosine) for part in parts]),),
    )


def _layer_ticks(layers: Sequence[int], xs: Sequence[float]) -> Ticks:
    every = layer_step(layers[-1] - layers[0])
    marked = zip(layers, xs, strict=True)
    return tuple((x, str(layer)) for layer, x in marked if layer % every == 0)


def _positions(layers: Sequence[int], x: float, width: float) -> list[float]:
    """Where each layer lies; the first and last a little within the plot."""
    if layers[0] == layers[-1]:
        return [round(x + width / 2, 1)]
    per_layer = (width - 2 * INSET) / (layers[-1] - layers[0])
    return [round(x + INSET + (layer - layers[0]) * per_layer, 1) for layer in layers]


def _curve(style: str, xs: Sequence[float], ys: Sequence[float | None]) -> Curve:
    """The line through the known points; an unknown one leaves a gap."""
    path, pen, marks = "", "M", []
    few = len(xs) <= MAX_MARKED
    around = zip([None, *ys], ys, [*ys[1:], None], strict=False)
    for x, (before, y, after) in zip(xs, around, strict=True):
        if y is not None:
            path += f"{pen}{x:g} {y:g}"
            if few or before is after is None:
                marks.append((x, y))
        pen = "M" if y is None else "L"
    return Curve(style, path, tuple(marks))


def round_steps(low: float, high: float) -> tuple[float, ...]:
    """The numbers 1, 2 and 5 times a power of ten that hold `low` to `high`, and at least two.

    >>> round_steps(0.0013, 0.004)
    (0.001, 0.002, 0.005)
    >>> round_steps(0.5, 0.5)
    (0.5, 1.0)
    """
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    steps = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    first = max(index for index, step in enumerate(steps) if step <= low)
    last = min(index for index, step in enumerate(steps) if step >= high)
    return tuple(steps[first : max(last, first + 1) + 1])


def cosine_top(highest: float) -> float:
    """The end of a scale of cosines, from minus to plus it, that holds `highest`.

    >>> cosine_top(0.013), cosine_top(0.31), cosine_top(1.0)
    (0.05, 0.5, 1.0)
    """
    return next((top for top in (0.05, 0.1, 0.2, 0.5) if highest <= top), 1.0)


def layer_step(distance: int) -> int:
    """How many layers lie between two labels, at most 5 labels in all.

    >>> layer_step(1), layer_step(31), layer_step(79)
    (1, 8, 20)
    """
    return next((step for step in (1, 2, 4, 8) if distance < 5 * step), -(-distance // 50) * 10)


def _is_power_of_ten(value: float) -> bool:
    return float(f"1e{round(math.log10(value))}") == value
