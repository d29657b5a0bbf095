"""From a matplotlib figure to SVG within the page: the same bytes for the same figure, no script.

One unit is one pixel of the page. Text stays text, in the page's own type. Colours are names that
stand for the page's (`var(--ink)` in its style sheet), so that they follow light and dark; in the
figure they are placeholders that no other colour equals.
"""

import io
import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from jobs.words import one_line

PIXELS_PER_INCH = 72
TEXT, SMALL = 12, 11
"""Sizes of type, in pixels."""
INK, SOFT, LINE, ACCENT, BAR, INSTRUCT, GO, NO, MAYBE = (f"#0000{n:02x}" for n in range(1, 10))
_VARIABLES = {
    INK: "ink", SOFT: "soft", LINE: "line", ACCENT: "accent", BAR: "bar", INSTRUCT: "instruct",
    GO: "go", NO: "no", MAYBE: "maybe",
}  # fmt: skip
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "path.simplify": False,
    "font.family": ["DejaVu Sans"],  # matplotlib's own, which measures alike everywhere
    "font.size": TEXT,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.labelsize": SMALL,
    "axes.unicode_minus": True,
    "xtick.color": LINE, "ytick.color": LINE,
    "xtick.labelcolor": SOFT, "ytick.labelcolor": SOFT,
    "xtick.labelsize": SMALL, "ytick.labelsize": SMALL,
    "xtick.major.size": 0, "ytick.major.size": 0, "xtick.minor.size": 0, "ytick.minor.size": 0,
}  # fmt: skip


def drawing() -> AbstractContextManager[None]:
    """Whatever is drawn, is drawn within this: matplotlib takes its defaults as it draws."""
    return mpl.rc_context(_SETTINGS)


class Canvas:
    """A figure of a size in pixels, on which `axes` are placed by pixels from its upper left."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._figure = Figure(figsize=(width / PIXELS_PER_INCH, height / PIXELS_PER_INCH))
        FigureCanvasSVG(self._figure)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes without a frame, for what is drawn within."""
        bottom = self.height - top - height
        axes = self._figure.add_axes(
            (left / self.width, bottom / self.height, width / self.width, height / self.height)
        )
        axes.set_frame_on(False)
        return axes

    def svg(self, name: str, label: str) -> Markup:
        """The drawing for the page; `name` tells it from the page's others, `label` says it."""
        written = io.StringIO()
        with mpl.rc_context({"svg.hashsalt": name}):
            self._figure.savefig(
                written,
                format="svg",
                transparent=True,
                metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")),
            )
        _, _, body = written.getvalue().partition("</defs>")  # of a style for all that is there
        body = re.sub(r"<[^>]*>", lambda tag: _plain(tag[0]), body)
        body = re.sub(r"\s*\n\s*", "\n", body).strip()
        size = f'viewBox="0 0 {self.width} {self.height}" width="{self.width}"'
        opening = f'<svg {size} role="img" aria-label="{escape(label)}">'
        return Markup(opening + body)  # noqa: S704 - matplotlib escapes what it draws


def _plain(tag: str) -> str:
    """One tag of matplotlib's, with the page's colours and type, and no more digits than needed."""
    for pattern, put in (
        (r' id="(?![mpch][0-9a-f]{10}")[^"]*"', ""),  # what nothing refers to
        (r"font-size: ([0-9.]+px); font-family: [^;\"]*", r"font-size: \1"),
        (r"font: (bold )?[0-9 ]*([0-9.]+px) [^;\"]*", r"font-weight: 700; font-size: \2"),
        (r' transform="rotate\(-0 [^"]*\)"', ""),
        (r"[0-9]+\.[0-9]{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip(".")),
        (r" *\n *", " "),
        ("#0000[0-9a-f]{2}", lambda colour: f"var(--{_VARIABLES[colour[0]]})"),
    ):
        tag = re.sub(pattern, put, tag)
    return tag


def grid(axes: Axes, ticks: Iterable[float], axis: str) -> None:
    """Hair lines at these places of the axis ``x`` or ``y``."""
    draw = axes.axvline if axis == "x" else axes.axhline
    for tick in ticks:
        draw(tick, color=LINE, linewidth=1, zorder=0, clip_on=False)


def fitting(text: str, pixels: float, size: float = TEXT) -> str:
    """The text in ASCII, or as much of it as fits; a letter is 0.56 of its size wide.

    Names are of plain letters; any other is escaped, as the type here may lack it.
    """
    text, most = ascii(one_line(text))[1:-1], max(1, int(pixels / (0.56 * size)))
    return text if len(text) <= most else f"{text[: most - 1]}…"
