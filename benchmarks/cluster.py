"""`make bench-cluster`: the demo's fleet by Argo on the cluster that KUBECONFIG names, and here.

python -m benchmarks.cluster

First `perennial run` on this machine, then the same by Argo, each into an empty store; the nodes
have the jobs' images (PERENNIAL_CLUSTER_IMAGES). Of a step: from when it had a place (its pod a
node, here its process) to the start of its program, to its first line of work, when all that it
needs is imported, and to its end. All times are whole seconds, as logs and cluster tell them.
"""

import json
import os
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.demo import PERIOD, refresh
from demo.__main__ import SAMPLE, WORK
from demo.children import Children
from demo.family import make_family
from demo.server import serve
from jobs.command.importing import IMPORTED
from jobs.command.logs import OUR_LOGS
from pipelines.local.folder import RunFolder
from pipelines.local.record import RunRecord
from tests.cluster.conftest import named_images, new_namespace
from tests.cluster.world.world import World, build_image

STORE = "s3://bucket/store"
MOST_SECONDS = 1800
LINE = re.compile(r"^(?P<at>\S+Z) [A-Z]+ (?P<logger>[a-z]+): (?P<said>.*)$", re.MULTILINE)


class Lived(NamedTuple):
    """One step; seconds from when its pod had a node, or its process began here."""

    job: str
    waited: float
    """Before, from when the step was asked for; 0 here."""
    started: float
    """Its program; 0 here."""
    works: float
    """All that it needs is imported."""
    end: float


def main() -> None:
    """Runs both and prints the table."""
    images = named_images()
    if missing := images.missing():
        raise SystemExit(f"no node has {', '.join(missing)}: make images, and load them")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        build_image(images.of("crawl"), _made(folder / "image"))
        here, here_seconds = _here(_made(folder / "here"))
        with new_namespace(_made(folder / "there")) as space:
            world = World(space, images)
            world.begin()
            world.install(STORE, "logLevel=DEBUG")
            started = time.monotonic()
            name = space.submit(f"period={PERIOD}")
            phase = space.wait(name, seconds=MOST_SECONDS)["status"]["phase"]
            there_seconds = time.monotonic() - started
            if phase != "Succeeded":
                raise RuntimeError(f"the refresh on the cluster ended as {phase}")
            there = list(_pods(world))
    Console(width=120).print(table(here, there, here_seconds, there_seconds))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _here(folder: Path) -> tuple[list[Lived], float]:
    """The steps of `perennial run`, and its seconds."""
    os.environ |= {"CUDA_VISIBLE_DEVICES": "", "DS_ACCELERATOR": "cpu"}  # as the demo
    os.environ["PERENNIAL_LOG_LEVEL"] = "DEBUG"
    with serve(SAMPLE) as server:
        make_family(WORK / "family", server, Children())
        started = time.monotonic()
        refresh(folder / "store", server, folder / "work")
        seconds = time.monotonic() - started
    run = RunFolder(folder / "work")
    record = RunRecord.model_validate_json(run.record.read_bytes())
    return list(_steps(run, record)), seconds


def _steps(run: RunFolder, record: RunRecord) -> Iterator[Lived]:
    for step in record.steps:
        if step.begun:
            job, works = _work_begins(run.log(step.name, 1).read_text())
            yield Lived(job, 0, 0, works - int(step.begun), step.seconds)


def _pods(world: World) -> Iterator[Lived]:
    """The steps of the refresh, each of which was tried once."""
    space = world.space
    label = "workflows.argoproj.io/workflow"
    for pod in json.loads(space.kubectl("get", "pods", "-l", label, "-o", "json"))["items"]:
        if not _runs_a_job(pod):
            continue
        log = space.kubectl("logs", pod["metadata"]["name"], "-c", "main")
        conditions = {one["type"]: one for one in pod["status"]["conditions"]}
        scheduled = _at(conditions["PodScheduled"]["lastTransitionTime"])
        statuses = {one["name"]: one for one in pod["status"]["containerStatuses"]}
        ran = statuses["main"]["state"]["terminated"]
        job, works = _work_begins(log)
        times = _at(ran["startedAt"]), works, _at(ran["finishedAt"])
        waited = scheduled - _at(pod["metadata"]["creationTimestamp"])
        yield Lived(job, waited, *(moment - scheduled for moment in times))


def _work_begins(log: str) -> tuple[str, float]:
    """The job whose log it is, and when all that it needs was imported."""
    lines = list(LINE.finditer(log))
    jobs = [line["logger"] for line in lines if line["logger"] != OUR_LOGS]
    if not jobs:
        raise RuntimeError(f"a log without a line of a job: {log[:500]}")
    imported = [line for line in lines if line["said"] == IMPORTED]
    return jobs[-1], _at((imported or lines)[-1]["at"])


def _runs_a_job(pod: dict[str, Any]) -> bool:
    """Or it waits for a family, or starts images."""
    (main,) = [one for one in pod["spec"]["containers"] if one["name"] == "main"]
    words = [*main.get("command", []), *main.get("args", [])]
    return any(word.startswith("jobs.") for word in words)


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def table(
    here: list[Lived], there: list[Lived], here_seconds: float, there_seconds: float
) -> Table:
    """Means of a job's steps."""
    shown = Table(title="The demo's fleet: seconds of a step since it had a place, means")
    shown.add_column("job")
    for heading in ("steps", "works, here", "end, here", *(f"{name}, by Argo" for name in THERE)):
        shown.add_column(heading, justify="right")
    by_job: dict[str, tuple[list[Lived], list[Lived]]] = defaultdict(lambda: ([], []))
    for place, steps in enumerate((here, there)):
        for step in steps:
            by_job[step.job][place].append(step)
            by_job["all"][place].append(step)
    for job in sorted(by_job, key="all".__eq__):
        at_home, away = by_job[job]
        figures = [_mean(at_home, name) for name in ("works", "end")]
        figures += [_mean(away, name) for name in THERE]
        shown.add_row(job, f"{len(at_home)}, {len(away)}", *figures)
    shown.add_section()
    ratio = f"{there_seconds / here_seconds:.2f} ×"
    totals = f"{here_seconds:.0f}", "", "", ratio, f"{there_seconds:.0f}"
    shown.add_row("by the clock", "", "", *totals)
    return shown


THERE = ("waited", "started", "works", "end")


def _mean(steps: list[Lived], name: str) -> str:
    return f"{mean(getattr(step, name) for step in steps):.1f}" if steps else ""


if __name__ == "__main__":
    main()
