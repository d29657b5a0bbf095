"""What may happen to a refresh on a cluster, and what brings it about."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

from tests.cluster.conftest import Namespace, run

OUTAGE_SECONDS = 20
KILL_ALL = ("sh", "-c", "kill -9 -1")
"""Every process of a container but its first, which runs Argo's part, or the shell of a loop."""
QUIT = ("argoexec", "kill", "3", "1")
"""Ends Argo's part at once, without a word: the first process of a container hears no SIGKILL."""


class Fault(StrEnum):
    """A fault, by its name in the table."""

    DELETED = "pod deleted by force"
    EVICTED = "pod evicted"
    KILLED = "main process killed"
    WAIT_KILLED = "wait container killed"
    CORDONED = "node cordoned, pod deleted"
    CONTROLLER = "Argo's controller killed"
    S3_KILLED = "S3 server killed"
    S3_REFUSING = "S3 server answers 503 for 20 s"


@dataclass(frozen=True)
class Step:
    """A step's pod, whose main container runs."""

    pod: str
    name: str
    """The same for each attempt."""
    job: str
    """Or that it is a refresh's, in which Argo waits for a family."""


def draw(random: Random, number: int) -> list[Fault]:
    """Each fault as often as the others, in any order."""
    rounds = -(-number // len(Fault))
    return [fault for _ in range(rounds) for fault in random.sample([*Fault], len(Fault))][:number]


def running(space: Namespace) -> list[Step]:
    """Steps that do their work now."""
    label = ("-l", "workflows.argoproj.io/completed=false")
    pods = json.loads(space.kubectl("get", "pods", *label, "-o", "json"))["items"]
    return [
        Step(pod["metadata"]["name"], _step_name(pod), _job(pod))
        for pod in pods
        for status in pod["status"].get("containerStatuses", [])
        if status["name"] == "main" and "running" in status["state"]
    ]


def strike(fault: Fault, space: Namespace, step: Step) -> bool:
    """Brings a fault about; False where the step was quicker."""
    if fault is Fault.CONTROLLER:
        run("kubectl", "-n", "argo", "delete", "pod", "-l", "app=workflow-controller", *FORCE)
    elif fault is Fault.S3_KILLED:
        kill_s3(space)
    elif fault is Fault.S3_REFUSING:
        with _s3_turned_to(space, "refusing"):
            time.sleep(OUTAGE_SECONDS)
    elif fault is Fault.CORDONED:
        with _cordoned():
            space.kubectl("delete", "pod", step.pod, "--ignore-not-found")
            time.sleep(OUTAGE_SECONDS)
    else:
        return _strike_pod(fault, space, step)
    return True


FORCE = ("--force", "--grace-period=0")


def _strike_pod(fault: Fault, space: Namespace, step: Step) -> bool:
    if fault is Fault.DELETED:
        words = ["delete", "pod", step.pod, *FORCE]
    elif fault is Fault.EVICTED:
        file = space.folder / "eviction.json"
        names = {"name": step.pod, "namespace": space.name}
        file.write_text(json.dumps({**EVICTION, "metadata": names}))
        where = f"/api/v1/namespaces/{space.name}/pods/{step.pod}/eviction"
        words = ["create", "--raw", where, "-f", str(file)]
    elif fault is Fault.KILLED:
        words = ["exec", step.pod, "-c", "main", "--", *KILL_ALL]
    else:
        words = ["exec", step.pod, "-c", "wait", "--", *QUIT]
    return space.tries(*words)


EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction"}


def kill_s3(space: Namespace) -> None:
    """It begins again by itself, with what it held."""
    space.tries("exec", "s3", "--", *KILL_ALL)


@contextmanager
def _s3_turned_to(space: Namespace, app: str) -> Iterator[None]:
    """Requests reach another server, those of connections that are open, too."""
    _turn(space, app)
    kill_s3(space)
    try:
        yield
    finally:
        _turn(space, "s3")


def _turn(space: Namespace, app: str) -> None:
    selector = json.dumps({"spec": {"selector": {"app": app}}})
    space.kubectl("patch", "service", "s3", "-p", selector)


@contextmanager
def _cordoned() -> Iterator[None]:
    """No pod is placed."""
    run("kubectl", "cordon", "-l", "perennial.dev/pool=cpu")
    try:
        yield
    finally:
        run("kubectl", "uncordon", "-l", "perennial.dev/pool=cpu")


def _step_name(pod: dict[str, Any]) -> str:
    """Without the number of the attempt."""
    name: str = pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"]
    return name.rpartition("(")[0]


def _job(pod: dict[str, Any]) -> str:
    (main,) = [c for c in pod["spec"]["containers"] if c["name"] == "main"]
    words: list[str] = [*main.get("command", []), *main.get("args", [])]
    names = [word.removeprefix("jobs.") for word in words if word.startswith("jobs.")]
    return names[0] if names else "waiting for a family"
