"""The benchmark's tables."""

from collections.abc import Iterator, Mapping

from rich.table import Table

from benchmarks.merge.contenders import DIGESTS, MERGEKIT, OURS
from benchmarks.merge.measure import Figures, Run
from benchmarks.merge.parts import Measured

MIB = 2**20


def speed(measured: Mapping[str, Measured], size: str, number: int) -> Table:
    """Every contender on every store."""
    shown = Table(
        title=f"Merge of {size} parameters in bfloat16: medians of {number} interleaved rounds",
        caption="Peak: resident memory at its most, pages of mapped files included; "
        "no file: without them. Same: elements whose bits are perennial's.",
    )
    for heading in (
        "",
        "seconds",
        "least–most",
        "core-seconds",
        "peak MiB",
        "no file",
        "× floor",
        "same",
    ):
        shown.add_column(heading, justify="right" if heading else "left")
    for store, part in measured.items():
        shown.add_section()
        shown.add_row(f"[bold]{store}")
        floor = part.figures[part.floor].seconds
        for name, figures in part.figures.items():
            same = part.agreement.get(name)
            shown.add_row(name, *_cells(figures, floor), "" if same is None else _share(same))
    return shown


def _cells(figures: Figures, floor: float) -> tuple[str, ...]:
    return (
        f"{figures.seconds:.2f}",
        f"{figures.least:.2f}–{figures.most:.2f}",
        f"{figures.cpu_seconds:.1f}",
        f"{figures.peak_bytes / MIB:.0f}",
        f"{figures.anonymous_bytes / MIB:.0f}",
        f"{figures.seconds / floor:.2f}",
    )


def _share(same: float) -> str:
    """Only what is wholly the same reads 100 %."""
    return "100 %" if same == 1 else f"{min(same, 0.99999):.3%}".replace("%", " %")


def profiles(measured: Mapping[str, Measured]) -> Iterator[str]:
    """How it stands to mergekit and to the floors, and where the merge spent its time."""
    for store, part in measured.items():
        if DIGESTS in part.figures:
            floors = part.figures[part.floor].seconds + part.figures[DIGESTS].seconds
            times = part.figures[OURS].seconds / floors
            yield f"{store}: {times:.2f} × cat and the digests, one after the other"
        if MERGEKIT in part.figures:
            times = part.figures[MERGEKIT].seconds / part.figures[OURS].seconds
            yield f"{store}: {times:.1f} × as fast as mergekit"
        ranked = sorted(part.statistics, key=lambda statistics: statistics["seconds"])
        middle = ranked[len(ranked) // 2]
        busy = middle.get("busy", {})
        stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in busy.items())
        said = f"; core-seconds: {stages}" if stages else ""
        yield f"{store}: the middle merge by its manifest: {middle['seconds']:.1f} s{said}"


def memory(measured: Mapping[str, Run | str]) -> Table:
    """The merge's peak of memory by the size of the model."""
    shown = Table(title="Memory of the merge by the size of the model, default settings")
    for heading in ("parameters", "seconds", "peak MiB"):
        shown.add_column(heading, justify="right")
    for size, run in measured.items():
        if isinstance(run, str):
            shown.add_row(size, run, "")
        else:
            shown.add_row(size, f"{run.seconds:.1f}", f"{run.peak_bytes / MIB:.0f}")
    return shown
