"""One number from placement to the pod, the job and the local engine."""

import json
import os
import signal
import threading
import time

import pytest

from jobs.errors import BadInputError
from jobs.stopping import GRACE
from pipelines.commands.parameters import WORKFLOW
from pipelines.local.reading import read_workflow
from pipelines.local.workflow import StepTemplate
from pipelines.workflows.placement import PLACES
from tests.pipelines.local.conftest import Small, Task

DO_NOT_LISTEN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: print(time.monotonic(), flush=True))
while True: time.sleep(60)
"""


def test_pod_and_job_are_told_the_same_number() -> None:
    workflow = read_workflow(*WORKFLOW)
    templates = [t for one in (workflow, *workflow.others.values()) for t in one.spec.templates]
    steps = {step.name: step for step in templates if isinstance(step, StepTemplate)}
    assert steps.keys() == PLACES.keys()
    for name, step in steps.items():
        pod = json.loads(step.pod_spec_patch)["terminationGracePeriodSeconds"]
        told = {variable.name: variable.value for variable in step.container.env}[GRACE]
        assert (pod, told) == (PLACES[name].grace_seconds, str(PLACES[name].grace_seconds))
    assert {name: place.grace_seconds for name, place in PLACES.items()} == {
        name: 300 if name == "train" else 30 for name in PLACES
    }


@pytest.mark.parametrize("grace", [1, 3])
def test_a_step_that_does_not_listen_is_killed_when_its_own_grace_is_over(
    small: Small, task: Task, grace: int
) -> None:
    """Its deadline ends it; the same way a stopped engine does."""
    env = [{"name": GRACE, "value": str(grace)}]
    step = {
        "name": "deaf",
        "container": {"command": ["python", "-c", DO_NOT_LISTEN], "env": env},
        "activeDeadlineSeconds": 1,
    }
    ran = small.run([task("deaf", template="deaf")], step)
    ended = time.monotonic()
    told = float((small.folder / "work/logs/deaf/1.log").read_text())
    assert grace <= ended - told < grace + 1.5
    assert ran.exit_code == 143


def test_a_stopped_engine_says_how_long_it_may_take_and_kills_then(
    small: Small, task: Task
) -> None:
    def step(name: str, grace: int) -> dict[str, object]:
        env = [{"name": GRACE, "value": str(grace)}]
        return {"name": name, "container": {"command": ["python", "-c", DO_NOT_LISTEN], "env": env}}

    threading.Timer(1.0, os.kill, [os.getpid(), signal.SIGTERM]).start()
    ran = small.run(
        [task("short", template="short"), task("long", template="long")],
        step("short", 1),
        step("long", 2),
    )
    ended = time.monotonic()
    told = float((small.folder / "work/logs/long/1.log").read_text())
    assert 2 <= ended - told < 3.5
    assert ran.exit_code == 143
    assert "stopping within 2 s; a second one kills" in small.shown()


@pytest.mark.parametrize("value", ["soon", "0", "30s"])
def test_a_grace_that_is_none_is_refused_before_the_first_step(
    small: Small, task: Task, value: str
) -> None:
    env = [{"name": GRACE, "value": value}]
    step = {"name": "odd", "container": {"command": ["true"], "env": env}}
    tasks = [task("first", "said"), task("odd", template="odd", depends="first")]
    with pytest.raises(BadInputError, match=f"{GRACE}='{value}' is wrong"):
        small.run(tasks, step)
    assert small.said() == []
