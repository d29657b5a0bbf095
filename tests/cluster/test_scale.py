"""A fleet of many families, with hollow steps: what objects and controller take.

`make test-scale FAMILIES=30` prints it. It is left out of `make test-cluster`, as a family takes a
minute or so: each has 38 pods.
"""

import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.cluster.conftest import ENDED, Namespace, run

FAMILIES = int(os.environ.get("FAMILIES", "0"))
PODS_OF_A_FAMILY = 3 + 2 + 1 + 2 + 6 * 4 + 2 + 1 + 2
"""As in test_installed.py; one more waits for it."""
SECONDS_A_POD = 10
"""More would be a fault."""
MOST_BYTES = 1_000_000
"""Of an object: etcd takes 1.5 MB, and Argo compresses a status from 1 MB on."""

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.timeout(0),
    pytest.mark.skipif(not FAMILIES, reason="make test-scale FAMILIES=30"),
]


def controllers_memory() -> Iterator[int]:
    """Bytes that Argo's controllers hold, as their kubelets see them."""
    for node in json.loads(run("kubectl", "get", "nodes", "-o", "json"))["items"]:
        summary = f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary"
        for pod in json.loads(run("kubectl", "get", "--raw", summary))["pods"]:
            if pod["podRef"]["name"].startswith("workflow-controller"):
                yield pod["memory"]["workingSetBytes"]


def ended(namespace: Namespace, refresh: str, seconds: float) -> tuple[str, int]:
    """The refresh's phase in the end, and the most memory that a controller held meanwhile."""
    deadline, most = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        most = max([most, *controllers_memory()])
        phase = namespace.kubectl("get", "wf", refresh, "-o", "jsonpath={.status.phase}")
        if phase in ENDED:
            return phase, most
        time.sleep(10)
    return "Running", most


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def seconds_to_start(namespace: Namespace) -> list[float]:
    """Of each step's pod that is still there: from its making to its program's start."""
    found = []
    for pod in json.loads(namespace.kubectl("get", "pods", "-o", "json"))["items"]:
        for status in pod["status"].get("containerStatuses", ()):
            state = status["state"].get("terminated")
            if status["name"] == "main" and state:
                made = pod["metadata"]["creationTimestamp"]
                found.append(at(state["startedAt"]) - at(made))
    return found


def test_a_fleet_of_many_families(namespace: Namespace, capsys: pytest.CaptureFixture[str]) -> None:
    namespace.helm(FAMILIES)
    begun = time.monotonic()
    refresh = namespace.submit()
    phase, memory = ended(
        namespace, refresh, SECONDS_A_POD * (4 + FAMILIES * (1 + PODS_OF_A_FAMILY))
    )
    took = time.monotonic() - begun
    begun = time.monotonic()
    run("argo", "-n", namespace.name, "get", refresh)
    looked = time.monotonic() - begun
    workflow = json.loads(namespace.kubectl("get", "wf", refresh, "-o", "json"))
    all_of_it: list[dict[str, Any]] = [workflow, *namespace.families(refresh)]
    nodes = [node for one in all_of_it for node in one["status"]["nodes"].values()]
    phases = Counter(node["phase"] for node in nodes if node["type"] == "Pod")
    pods = phases.total()
    first, *others = (len(json.dumps(one)) for one in all_of_it)
    start = statistics.median(seconds_to_start(namespace))
    said = f"""
{FAMILIES} families, {pods} pods: {phase} in {took:.0f} s, {took / pods:.2f} s a pod
pods that were tried again, as a node could not start them: {pods - phases["Succeeded"]}
from a pod's making to its program's start: {start:.0f} s (median)
largest objects: the refresh {first:,} bytes, a family {max(others):,}
Argo's controller: {memory / 2**20:,.0f} MiB at most; argo get: {looked:.1f} s
"""
    with capsys.disabled():
        sys.stdout.write(said)
    assert phase == "Succeeded"
    assert len(others) == FAMILIES
    assert max(first, *others) < MOST_BYTES
    assert phases["Succeeded"] == 1 + 3 + FAMILIES * (1 + PODS_OF_A_FAMILY)
