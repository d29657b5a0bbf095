"""`make bench-cluster`: the demo's fleet by Argo on the cluster that KUBECONFIG names, and here.

python -m benchmarks.cluster

First `perennial run` on this machine, then the same by Argo, each into an empty store; the nodes
have the jobs' images (PERENNIAL_CLUSTER_IMAGES). Of a step: from when it was asked for (its pod was
made, its process begun) to the start of its program, to the first line of its log, which it writes
when it begins to work, and to its end. All times are whole seconds as logs and cluster tell them.
"""

import json
import os
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
from pipelines.local.folder import RunFolder
from pipelines.local.record import RunRecord
from tests.cluster.conftest import named_images, new_namespace
from tests.cluster.world.world import World, build_image

STORE = "s3://bucket/store"
MOST_SECONDS = 1800


class Lived(NamedTuple):
    """One step; seconds from when it was asked for."""

    job: str
    scheduled: float
    """Its pod had a node; 0 here."""
    started: float
    """Its program; 0 here."""
    first_line: float
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
            world.install(STORE)
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
        lines = run.log(step.name, 1).read_text().splitlines()
        if step.begun and lines:
            asked = int(step.begun)
            job = lines[0].split()[2].removesuffix(":")
            yield Lived(job, 0, 0, _at(lines[0].split()[0]) - asked, step.seconds)


def _pods(world: World) -> Iterator[Lived]:
    """The steps of the refresh, each of which was tried once."""
    space = world.space
    label = "workflows.argoproj.io/workflow"
    for pod in json.loads(space.kubectl("get", "pods", "-l", label, "-o", "json"))["items"]:
        job = _job(pod)
        lines = space.kubectl("logs", pod["metadata"]["name"], "-c", "main").splitlines()
        if job and lines:
            asked = _at(pod["metadata"]["creationTimestamp"])
            conditions = {one["type"]: one for one in pod["status"]["conditions"]}
            scheduled = _at(conditions["PodScheduled"]["lastTransitionTime"])
            statuses = {one["name"]: one for one in pod["status"]["containerStatuses"]}
            ran = statuses["main"]["state"]["terminated"]
            times = (
                scheduled,
                _at(ran["startedAt"]),
                _at(lines[0].split()[0]),
                _at(ran["finishedAt"]),
            )
            yield Lived(job, *(moment - asked for moment in times))


def _job(pod: dict[str, Any]) -> str:
    """The job that it runs; empty where it waits for a family, or starts images."""
    (main,) = [one for one in pod["spec"]["containers"] if one["name"] == "main"]
    words = [*main.get("command", []), *main.get("args", [])]
    return next((word.removeprefix("jobs.") for word in words if word.startswith("jobs.")), "")


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def table(
    here: list[Lived], there: list[Lived], here_seconds: float, there_seconds: float
) -> Table:
    """Means of a job's steps."""
    shown = Table(title="The demo's fleet: seconds of a step since it was asked for, means")
    shown.add_column("job")
    for heading in ("steps", "first line here", "end here", *(f"{one} by Argo" for one in THERE)):
        shown.add_column(heading, justify="right")
    by_job: dict[str, tuple[list[Lived], list[Lived]]] = defaultdict(lambda: ([], []))
    for place, steps in enumerate((here, there)):
        for step in steps:
            by_job[step.job][place].append(step)
            by_job["all"][place].append(step)
    jobs = sorted(by_job, key="all".__eq__)
    for job in jobs:
        at_home, away = by_job[job]
        figures = [_mean(at_home, name) for name in ("first_line", "end")]
        figures += [_mean(away, name.replace(" ", "_")) for name in THERE]
        shown.add_row(job, f"{len(at_home)}, {len(away)}", *figures)
    shown.add_section()
    ratio = f"{there_seconds / here_seconds:.2f} ×"
    shown.add_row(
        "by the clock", "", "", f"{here_seconds:.0f}", "", "", ratio, f"{there_seconds:.0f}"
    )
    return shown


THERE = ("scheduled", "started", "first line", "end")


def _mean(steps: list[Lived], name: str) -> str:
    return f"{mean(getattr(step, name) for step in steps):.1f}" if steps else ""


if __name__ == "__main__":
    main()
