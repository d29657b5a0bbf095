"""What the local engine costs a step, beside make and bare processes.

All run the same number of steps that do nothing, one after the other.
"""

import io
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipelines.local.folder import RunFolder
from pipelines.local.reading import read_workflow
from pipelines.local.run import run_workflow
from pipelines.local.workflow import WorkflowTemplate

STEPS = 50
REPEATS = 5
WORKFLOW = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: nothing}
spec:
  entrypoint: all
  templates:
    - name: all
      dag:
        failFast: false
        tasks:
%s
    - name: nothing
      container: {image: none, command: ["true"]}
"""


def table() -> Table:
    """Seconds a step: median, least and most of the repeats, and the ratio to bare processes."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        workflow, makefile = _workflow(folder), _makefile(folder)
        ways: dict[str, Callable[[], object]] = {
            "bare processes": _bare,
            "make": lambda: subprocess.run(["make", "--silent", "-f", makefile], check=True),
            "perennial": lambda: _engine(workflow, folder),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(REPEATS):
            for name, way in ways.items():
                started = time.perf_counter()
                way()
                seconds[name].append((time.perf_counter() - started) / STEPS)
    shown = Table(title=f"The engine: seconds a step, {STEPS} steps that do nothing")
    for heading in ("way", "median", "least", "most", "ratio"):
        shown.add_column(heading, justify="left" if heading == "way" else "right")
    bare = statistics.median(seconds["bare processes"])
    for name, measured in seconds.items():
        middle = statistics.median(measured)
        figures = (middle, min(measured), max(measured))
        shown.add_row(name, *(f"{figure:.4f}" for figure in figures), f"{middle / bare:.1f}")
    return shown


def _bare() -> None:
    for _ in range(STEPS):
        subprocess.run(["true"], check=True)


def _engine(workflow: WorkflowTemplate, folder: Path) -> None:
    run_workflow(workflow, {}, RunFolder(folder / "work"), console=Console(file=io.StringIO()))


def _workflow(folder: Path) -> WorkflowTemplate:
    tasks = [
        f"          - {{name: s{number}, template: nothing"
        + (f", depends: s{number - 1}}}" if number else "}")
        for number in range(STEPS)
    ]
    path = folder / "workflow.yaml"
    path.write_text(WORKFLOW % "\n".join(tasks))
    return read_workflow(path)


def _makefile(folder: Path) -> str:
    rules = [f"s{n}:{f' s{n - 1}' if n else ''}\n\t@true" for n in range(STEPS)]
    path = folder / "Makefile"
    path.write_text(f"all: s{STEPS - 1}\n" + "\n".join(rules) + "\n")
    return str(path)
