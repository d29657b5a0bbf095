"""The loss on the way: of the batches, and of held-out rows before, after and on the way."""

from markupsafe import Markup
from matplotlib.axes import Axes

from jobs.report.evidence.training import Training
from jobs.report.pages.charts.canvas import ACCENT, BAR, INK, SMALL, SOFT, Canvas, drawing, grid

WIDTH, LEFT, RIGHT, TOP, HEIGHT, BOTTOM = 440, 34, 12, 30, 170, 40


def draw_loss(training: Training) -> Markup | None:
    """The picture, or None where the training tells of no loss."""
    if not training.curve:
        return None
    with drawing():
        return _picture(training)


def _picture(training: Training) -> Markup:
    steps = [point.step + 1 for point in training.curve]
    losses = [point.loss for point in training.curve]
    canvas = Canvas(WIDTH, TOP + HEIGHT + BOTTOM)
    axes = canvas.axes(LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT)
    heldout = _heldout(training, max(steps))
    shown = [*losses, *heldout.values()]
    axes.set_xlim(0, max(steps))
    room = 0.06 * (max(shown) - min(shown)) or 0.1
    axes.set_ylim(min(shown) - room, max(shown) + room)
    axes.locator_params(axis="y", nbins=5)
    axes.locator_params(axis="x", nbins=6, integer=True)
    grid(axes, [t for t in axes.get_yticks() if min(axes.get_ylim()) <= t <= max(axes.get_ylim())],
         "y")  # fmt: skip
    axes.set_xlabel("step")
    alone = "o" if len(steps) == 1 else ""
    axes.plot(steps, losses, color=BAR, linewidth=1, marker=alone, markersize=4, clip_on=False)
    means = running_mean(losses, max(1, len(losses) // 20))
    axes.plot(steps, means, color=INK, linewidth=1.6, clip_on=False)
    keys = [(INK, "batches, running mean"), (BAR, "each batch")]
    if heldout:
        axes.plot(
            list(heldout), list(heldout.values()), color=ACCENT, linewidth=1.6,
            linestyle=(0, (3, 2)), marker="o", markersize=5, clip_on=False,
        )  # fmt: skip
        keys.append((ACCENT, "held-out articles"))
    _key(axes, keys)
    return canvas.svg("loss", "Loss a token by step, in nats; figures in the table beside it")


def _heldout(training: Training, steps: int) -> dict[int, float]:
    """Steps done → the loss on held-out rows then; empty without such rows."""
    before, after = training.heldout_loss_before, training.heldout_loss_after
    if before is None or after is None:
        return {}
    on_the_way = {point.step: point.loss for point in training.heldout}
    return {0: before, **on_the_way, steps: after}


def running_mean(values: list[float], width: int) -> list[float]:
    """Each the mean over up to `width` values on either side.

    >>> running_mean([1.0, 2.0, 6.0], 1)
    [1.5, 3.0, 4.0]
    """
    means = []
    for index in range(len(values)):
        near = values[max(0, index - width) : index + width + 1]
        means.append(sum(near) / len(near))
    return means


def _key(axes: Axes, keys: list[tuple[str, str]]) -> None:
    """What the lines are, above them."""
    x = 0.0
    for colour, words in keys:
        axes.annotate(
            "●", (0, 1), xytext=(x, 16), xycoords="axes fraction", textcoords="offset points",
            va="center", size=SMALL, color=colour, annotation_clip=False,
        )  # fmt: skip
        axes.annotate(
            words, (0, 1), xytext=(x + 13, 16), xycoords="axes fraction",
            textcoords="offset points", va="center", size=SMALL, color=SOFT, annotation_clip=False,
        )  # fmt: skip
        x += 13 + 6.2 * len(words) + 12
