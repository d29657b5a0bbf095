"""Refreshes that meet faults end by themselves, as undisturbed ones, or say what it was."""

import os
import time
from collections import Counter, defaultdict
from random import Random, randrange

import pytest
from rich.console import Console
from rich.table import Table

from demo.__main__ import PERIOD
from jobs.artifacts.manifest import Manifest
from tests.cluster.faults import Fault, Step, draw, running, strike
from tests.cluster.test_demo_fleet import digests
from tests.cluster.world.world import World

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(5400)]

NUM_FAULTS = 32
PAUSE_SECONDS = (2.0, 12.0)
MOST_OF_A_STEP = 2
"""Faults that one step meets; with four it fails, as it must."""
MOST_SECONDS = 1500
"""Of one refresh."""


def test_refreshes_end_as_undisturbed_ones(
    world: World, undisturbed: dict[str, Manifest], capsys: pytest.CaptureFixture[str]
) -> None:
    seed = os.environ.get("PERENNIAL_SEED", str(randrange(2**32)))
    random = Random(seed)
    faults = draw(random, NUM_FAULTS)
    met: dict[Fault, list[str]] = defaultdict(list)
    wrong: list[str] = []
    for number in range(NUM_FAULTS):
        if not faults:
            break
        store = f"s3://bucket/store-{number}"
        world.install(store)
        started = time.monotonic()
        workflow, found = disturbed(world, faults, random)
        outcome = world.space.wait(workflow, seconds=MOST_SECONDS)["status"]
        seconds = time.monotonic() - started
        for fault, step in found:
            met[fault].append(step.job)
        told = f"refresh {number}, {len(found)} faults, {seconds:.0f} s: {outcome['phase']}"
        with capsys.disabled():
            Console(width=120).print(f"seed {seed}, {told}: {said(found)}")
        if outcome["phase"] != "Succeeded":
            wrong.append(f"{told}: {outcome.get('message')}")
        elif digests(world.artifacts(store)) != digests(undisturbed):
            wrong.append(f"{told}: other digests")
    with capsys.disabled():
        Console(width=120).print(table(seed, met))
    assert not wrong, f"seed {seed}: {wrong}"


def disturbed(
    world: World, faults: list[Fault], random: Random
) -> tuple[str, list[tuple[Fault, Step]]]:
    """Submits a refresh, and takes faults from the list for as long as steps of it run."""
    workflow = world.space.submit(f"period={PERIOD}")
    found: list[tuple[Fault, Step]] = []
    while faults and not world.space.has_ended(workflow):
        time.sleep(random.uniform(*PAUSE_SECONDS))
        step = chosen(running(world.space), [step for _, step in found], random)
        if step and strike(faults[-1], world.space, step):
            found.append((faults.pop(), step))
    return workflow, found


def chosen(steps: list[Step], before: list[Step], random: Random) -> Step | None:
    """One of the jobs that were met least; None where there is no step to meet."""
    of_job, of_step = (Counter(getattr(s, key) for s in before) for key in ("job", "name"))
    left = [step for step in steps if of_step[step.name] < MOST_OF_A_STEP]
    random.shuffle(left)
    return min(left, key=lambda step: of_job[step.job], default=None)


def said(found: list[tuple[Fault, Step]]) -> str:
    return ", ".join(f"{fault} ({step.job})" for fault, step in found)


def table(seed: str, met: dict[Fault, list[str]]) -> Table:
    shown = Table("fault", "count", "while these ran", title=f"Faults, seed {seed}")
    for fault in Fault:
        shown.add_row(fault, str(len(met[fault])), ", ".join(sorted(met[fault])))
    return shown


def test_out_of_memory_is_told(world: World) -> None:
    """Tried as often as a step is tried, then the refresh fails, and names the step."""
    world.install("s3://bucket/store")
    workflow = world.space.submit(f"period={PERIOD}", "data-memory=64Mi")
    status = world.space.wait(workflow, seconds=1200)["status"]
    assert status["phase"] == "Failed"
    failed = [n for n in status["nodes"].values() if n["type"] == "Pod" and n["phase"] == "Failed"]
    assert {node["templateName"] for node in failed} == {"crawl", "bundle"}
    assert len(failed) == 2 * 4
    assert all("OOMKilled (exit code 137)" in node["message"] for node in failed)
