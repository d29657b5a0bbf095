"""What a step costs before its first line of work, and where its work is done already.

python -m benchmarks.start [--rounds 5] [--before FOLDER] [--only JOB …]

Each job runs as a process, on the demo's data. Three figures, each by the clock and in processor
seconds (which other processes on the machine disturb less):

to work: from the start of the process until 99 of 100 of its imports have begun. Libraries import
    at their first use as well, so this is when what a job needs is there, its model loaded; a
    stray module that work asks for later does not count. Of the processes of train, the last to
    get there, and the processor seconds of all.
whole:   from start to end, the artifact made.
again:   the same once more, the artifact found there.

With --before, the code in another checkout is measured in turns with this one's. It must read
the artifacts that this one writes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.demo import PERIOD, refresh
from demo.__main__ import FLEET, SAMPLE, WORK
from demo.children import Children
from demo.family import make_family
from demo.server import serve

CODE = Path(__file__).parent.parent
RECORDER = Path(__file__).parent / "recorder"
ROUNDS = 5
Flags = dict[str, object]


class Seconds(NamedTuple):
    """By the clock, and of processors."""

    clock: float
    cpu: float


class Measured(NamedTuple):
    """One job, run twice."""

    to_work: Seconds
    whole: Seconds
    again: Seconds


def table(rounds: int = ROUNDS, before: Path | None = None, only: list[str] | None = None) -> Table:
    """Medians of the rounds; a job's rows stand side by side where two checkouts are measured."""
    checkouts = ({"before": before} if before else {}) | {"now": CODE}
    found: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    with _commands() as commands:
        for _ in range(rounds):
            for job, flags in commands.items():
                for name, code in checkouts.items():
                    if not only or job in only:
                        found[job, name].append(measure(job, flags, code))
    shown = Table(title=f"What a step costs: seconds (processor seconds), medians of {rounds}")
    for heading in ("job", "code", *Measured._fields):
        left = heading in ("job", "code")
        shown.add_column(heading.replace("_", " "), justify="left" if left else "right")
    for (job, name), runs in found.items():
        shown.add_row(job, name, *(_middle(figures) for figures in zip(*runs, strict=True)))
    return shown


def measure(job: str, flags: Mapping[str, object], code: Path) -> Measured:
    """Runs the job of one checkout into an empty place, then again. Raises where it fails."""
    with tempfile.TemporaryDirectory() as scratch:
        imports, out = Path(scratch) / "imports", Path(scratch) / "out"
        imports.mkdir()
        target = "releases" if job == "promote" else "out"
        arguments = [f"--{name}={value}" for name, value in {**flags, target: out}.items()]
        command = [sys.executable, "-m", f"jobs.{job}", *arguments]
        path = os.pathsep.join(map(str, (RECORDER, code / "src", code)))
        environment = os.environ | {"PYTHONPATH": path}
        started = time.monotonic()
        whole = _run(command, environment | {"BENCHMARK_IMPORTS": str(imports)})
        notes = [tuple(map(float, file.read_text().split())) for file in imports.iterdir()]
        to_work = Seconds(max(last for last, _ in notes) - started, sum(cpu for _, cpu in notes))
        return Measured(to_work, whole, _run(command, environment))


def _run(command: list[str], environment: Mapping[str, str]) -> Seconds:
    started = time.monotonic()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    with process.stderr as errors:
        said = errors.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said}")
    return Seconds(time.monotonic() - started, usage.ru_utime + usage.ru_stime)


def _middle(figures: tuple[Seconds, ...]) -> str:
    clock, cpu = (median(column) for column in zip(*figures, strict=True))
    return f"{clock:.2f} ({cpu:.2f})"


@contextmanager
def _commands() -> Iterator[dict[str, Flags]]:
    """Job → flags, without ``--out``, on the demo's store, which is filled where it is not."""
    with tempfile.TemporaryDirectory() as scratch, serve(SAMPLE) as server:
        make_family(WORK / "family", server, Children())
        store = WORK / "store"
        refresh(store, server, Path(scratch))
        models, run = store / "models/pico", store / f"runs/demo-{PERIOD}"
        rows, family = next((run / "packed").iterdir()), run / "pico"
        base, instruct = ({"model": models / name} for name in ("base", "instruct"))
        candidate, bundle = family / "candidates/pico-instruct", store / "eval-data/demo"
        yield {
            "ingest": {"from": WORK / "family/models/base"},
            "bundle": {"suite": "demo", "from": FLEET.parent / "data/eval-data"},
            "crawl": {
                "period": PERIOD,
                "ccnews-server": server,
                "publishers": "us.VoiceOfAmerica",
                "check-training-opt-out": "false",
            },
            "check": {
                "base": models / "base", "instruct": models / "instruct", "onto": models / "base",
            },
            "curate": {"articles": next((store / f"articles/{PERIOD}").iterdir())},
            "pack": {
                "articles": next((store / f"articles-clean/{PERIOD}").iterdir()),
                "tokenizer": models / "base",
                "sequence-length": 256,
            },
            "train": {
                **base, "rows": rows, "objective": "cpt", "batch-rows": 256, "processes": 2,
            },
            "merge": {
                "base": models / "base", "instruct": models / "instruct", "onto": family / "cpt",
            },
            "evaluate": {**instruct, "task": "arc_easy", "bundle": bundle, "limit": 8},
            "report": {"run": family},
            "promote": {
                "candidate": candidate, "report": family / "report", "override": "to measure",
            },
        }  # fmt: skip


def main() -> None:
    """Measures what is asked for and prints it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.start", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--before", type=Path, help="another checkout, to compare with")
    parser.add_argument("--only", nargs="*", help="these jobs; default: all")
    options = parser.parse_args()
    Console().print(table(options.rounds, options.before, options.only))


if __name__ == "__main__":
    main()
