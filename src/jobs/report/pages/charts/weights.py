"""What moved the weights, by layer: one picture a group.

Above, the root mean square of both changes on a logarithmic scale that is the same for all
pictures; below, the cosine between the two, where it is known. What a group has outside the layers,
as the final norm, stands apart at the right, under "no layer".
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from jobs.report.evidence.weights import GROUPS, Change, Weights
from jobs.report.pages.charts.canvas import ACCENT, INK, SMALL, SOFT, Canvas, drawing, grid
from jobs.report.pages.facts import small

WIDTH, LEFT, RIGHT, TOP, CHANGE, GAP, COSINE, BOTTOM = 310, 50, 24, 46, 104, 22, 64, 38
MAX_MARKED = 12
"""Layers up to which every point has a mark."""

Parts = Mapping[int, Change]


def draw_weights(name: str, weights: Weights) -> list[Markup]:
    """A picture of each group that has layers; `name` tells those of one candidate apart."""
    layers = {
        group: {p.layer: p for p in weights.groups if p.group == group and p.layer is not None}
        for group in GROUPS
    }
    shown = {group: dict(sorted(parts.items())) for group, parts in layers.items() if parts}
    outside = {p.group: p for p in weights.groups if p.layer is None and p.group in shown}
    parts = [*(p for found in shown.values() for p in found.values()), *outside.values()]
    changes = [c for p in parts for c in (p.training_rms, p.residual_rms) if c]
    limits = (min(changes) / 1.6, max(changes) * 1.6) if changes else (1e-3, 1.0)
    cosines = [abs(p.cosine) for p in parts if p.cosine is not None]
    top = cosine_top(max(cosines)) if cosines else None
    with drawing():
        return [
            _picture(
                f"weights-{name}-{group}", GROUPS[group], part, outside.get(group), limits, top
            )
            for group, part in shown.items()
        ]


def cosine_top(highest: float) -> float:
    """The end of a scale of cosines, from minus to plus it, that holds `highest`.

    >>> cosine_top(0.013), cosine_top(0.31), cosine_top(1.0)
    (0.05, 0.5, 1.0)
    """
    return next((top for top in (0.05, 0.1, 0.2, 0.5) if highest <= top), 1.0)


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten between the two; of few decades also 2 and 5 times those.

    >>> log_ticks(0.0021, 0.06), log_ticks(1e-9, 1)
    ([0.005, 0.01, 0.02, 0.05], [1e-09, 1e-07, 1e-05, 0.001, 0.1])
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1, 2, 5) if len(powers) < 5 else (1,)
    ticks = [float(f"{digit}e{power}") for power in powers for digit in digits]
    ticks = [tick for tick in ticks if low <= tick <= high]
    return ticks[:: -(-len(ticks) // 6) or 1]


def _picture(
    name: str,
    title: str,
    parts: Parts,
    outside: Change | None,
    limits: tuple[float, float],
    top: float | None,
) -> Markup:
    canvas = Canvas(WIDTH, TOP + CHANGE + (GAP + COSINE if top else 0) + BOTTOM)
    width = WIDTH - LEFT - RIGHT
    change = canvas.axes(LEFT, TOP, width, CHANGE)
    change.set_yscale("log")
    change.set_ylim(*limits)
    change.set_yticks(log_ticks(*limits))
    change.yaxis.set_major_formatter(FuncFormatter(lambda value, _: small(value, 1)))
    change.yaxis.set_minor_locator(NullLocator())
    _heading(change, title, has_training=any(p.training_rms is not None for p in parts.values()))
    fields = [change]
    if top:
        cosine = canvas.axes(LEFT, TOP + CHANGE + GAP, width, COSINE)
        cosine.set_ylim(-top, top)
        cosine.set_yticks([-top, 0, top], [f"−{top:g}", "0", f"{top:g}"])
        cosine.annotate(
            "cosine of the two", (0, 1), xytext=(0, 8), xycoords="axes fraction",
            textcoords="offset points", va="center", size=SMALL, color=SOFT, annotation_clip=False,
        )  # fmt: skip
        fields.append(cosine)
        grid(cosine, (-top, 0, top), "y")
        _curve(cosine, parts, outside, "cosine", SOFT)
    low, high = limits
    grid(change, [tick for tick in change.get_yticks() if low <= tick <= high], "y")
    _curve(change, parts, outside, "residual_rms", INK, linestyle=(0, (4, 2.5)))
    _curve(change, parts, outside, "training_rms", ACCENT)
    for field in fields:
        _layers(field, list(parts), outside is not None, labelled=field is fields[-1])
    return canvas.svg(name, f"{title}: change of the weights by layer; sums in the table below")


def _heading(axes: Axes, title: str, *, has_training: bool) -> None:
    axes.annotate(
        title, (0, 1), xytext=(-LEFT + 4, 34), xycoords="axes fraction", weight="bold",
        textcoords="offset points", va="center", annotation_clip=False,
    )  # fmt: skip
    keys = [(INK, "residual, rms")] if not has_training else [
        (ACCENT, "training, rms"), (INK, "residual, rms"),
    ]  # fmt: skip
    for place, (colour, words) in enumerate(keys):
        axes.annotate(
            f"● {words}", (0, 1), xytext=(100 * place, 12), xycoords="axes fraction",
            textcoords="offset points", va="center", size=SMALL, color=colour,
            annotation_clip=False,
        )  # fmt: skip


def _curve(
    axes: Axes, parts: Parts, outside: Change | None, what: str, colour: str, **style: Any
) -> None:
    """A line over the layers with a gap where one is not known, and the mark apart.

    A logarithmic scale has no zero: a change of nothing leaves a gap, too.
    """
    few = len(parts) <= MAX_MARKED

    def known(part: Change) -> float:
        value = getattr(part, what)
        return float("nan") if value is None or (what != "cosine" and not value) else value

    axes.plot(
        list(parts), [known(p) for p in parts.values()], color=colour, linewidth=1.6,
        clip_on=False, marker="o", markersize=4 if few else 2, **style,
    )  # fmt: skip
    if outside is not None and known(outside) == known(outside):
        axes.plot(
            [_apart(parts)], [known(outside)], color=colour, marker="D", markersize=4.5,
            linestyle="none", clip_on=False,
        )  # fmt: skip


def _apart(parts: Sequence[int] | Parts) -> float:
    first, last = min(parts), max(parts)
    return last + max(1.0, 0.15 * (last - first))


def _layers(axes: Axes, layers: Sequence[int], has_outside: bool, *, labelled: bool) -> None:
    end = _apart(layers) if has_outside else max(layers)
    room = 0.04 * max(1.0, end - min(layers))
    axes.set_xlim(min(layers) - room, end + room)
    if not labelled:
        axes.set_xticks([])
        return
    wanted = MaxNLocator(5, integer=True).tick_values(min(layers), max(layers))
    ticks = [tick for tick in wanted if min(layers) <= tick <= max(layers)]
    labels = [f"{tick:g}" for tick in ticks]
    if has_outside:
        ticks, labels = [*ticks, end], [*labels, "no layer"]
    axes.set_xticks(ticks, labels)
    axes.set_xlabel("layer", loc="left")
