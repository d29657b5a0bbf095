"""A step of each job as the demo's refresh runs it, on a folder and on S3."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from demo.__main__ import FLEET, SAMPLE, WORK
from demo.children import Children
from demo.family import make_family
from demo.server import serve
from jobs.store.prefix import Prefix
from pipelines.commands.parameters import WORKFLOW, run_parameters
from pipelines.fleet.reading import read_fleet
from pipelines.local.engine import Step
from pipelines.local.folder import RunFolder
from pipelines.local.reading import read_workflow
from pipelines.local.run import run_workflow
from pipelines.plan.plan import make_plan

PERIOD = "2026-10"
JOBS = (
    *("ingest", "check", "bundle", "crawl", "curate", "pack"),
    *("train", "merge", "evaluate", "report", "promote"),
)


@dataclass(frozen=True)
class Place:
    """A step that is to be run at other places of a store than its own."""

    step: Step
    store: str
    """URI of the store that it reads from and writes to."""

    @property
    def job(self) -> str:
        return self.step.job

    def at(self, uri: str) -> Step:
        """The step with `uri` as the place where it writes."""
        argv = list(self.step.argv)
        argv[argv.index("--releases" if self.job == "promote" else "--out") + 1] = uri
        return replace(self.step, argv=tuple(argv))

    def moved(self, store: str) -> "Place":
        """The same step on another store, which holds the same."""
        argv = tuple(word.replace(self.store, store) for word in self.step.argv)
        return Place(replace(self.step, argv=argv), store)


@contextmanager
def refreshed(scratch: Path) -> Iterator[dict[str, Place]]:
    """Job → its first step of a refresh that was run whole into a folder below `scratch`.

    For as long as the block runs the news is served, too. Raises RuntimeError where the refresh
    fails.
    """
    store = str(scratch / "store")
    fleet, workflow = read_fleet(FLEET), read_workflow(*WORKFLOW)
    with serve(SAMPLE) as ccnews_server:
        make_family(WORK / "family", ccnews_server, Children())
        served = [f"crawl-ccnews-server={ccnews_server}"]
        parameters = run_parameters(fleet, PERIOD, store, None, served)
        quiet = Console(file=io.StringIO())
        ran = run_workflow(workflow, parameters, RunFolder(scratch / "refresh"), console=quiet)
        if ran.exit_code:
            raise RuntimeError(f"the refresh ended with {ran.exit_code}")
        steps = [planned.step for planned in make_plan(fleet, workflow, parameters).steps]
        yield {job: Place(next(step for step in steps if step.job == job), store) for job in JOBS}


def copy(store: str, to: str) -> None:
    """Every object of one store, into another."""
    source, target = Prefix(store), Prefix(to)
    for path, _ in source.list():
        target.write(path, source.read(path))
