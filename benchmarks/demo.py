"""Seconds of each step of the demo's refresh, and of the whole, into an empty store."""

import io
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from demo.__main__ import FLEET, SAMPLE, WORK
from demo.children import Children
from demo.family import make_family
from demo.server import serve
from pipelines.commands.parameters import WORKFLOW, run_parameters
from pipelines.fleet.reading import read_fleet
from pipelines.local.folder import RunFolder
from pipelines.local.reading import read_workflow
from pipelines.local.run import run_workflow

PERIOD = "2026-10"


def table() -> Table:
    """Runs the refresh twice: once into an empty store, once more where all is there."""
    shown = Table(title="The demo's refresh: seconds a step; then again, where all is there")
    for heading in ("step", "seconds", "again"):
        shown.add_column(heading, justify="left" if heading == "step" else "right")
    with tempfile.TemporaryDirectory() as scratch, serve(SAMPLE) as ccnews_server:
        make_family(WORK / "family", ccnews_server, Children())
        runs, totals = [], []
        for number in (1, 2):
            started = time.perf_counter()
            runs.append(
                refresh(Path(scratch) / "store", ccnews_server, Path(scratch) / str(number))
            )
            totals.append(time.perf_counter() - started)
    for name, seconds in runs[0].items():
        shown.add_row(name, f"{seconds:.1f}", f"{runs[1][name]:.1f}")
    shown.add_section()
    shown.add_row("all, by the clock", *(f"{total:.1f}" for total in totals))
    return shown


def refresh(store: Path, ccnews_server: str, work: Path) -> dict[str, float]:
    """Runs the refresh of `PERIOD`: step → seconds. Raises RuntimeError where it fails."""
    served = [f"crawl-ccnews-server={ccnews_server}"]
    parameters = run_parameters(read_fleet(FLEET), PERIOD, str(store), None, served)
    quiet = Console(file=io.StringIO())
    ran = run_workflow(read_workflow(*WORKFLOW), parameters, RunFolder(work), console=quiet)
    if ran.exit_code:
        raise RuntimeError(f"the refresh ended with {ran.exit_code}")
    return {step.name: step.seconds for step in ran.steps}
