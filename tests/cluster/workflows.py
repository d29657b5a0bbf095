"""The Workflows of a namespace: waited for, and what their pods printed."""

import json
import time
from collections.abc import Collection
from typing import Any

from tests.cluster.conftest import ENDED, Namespace, run


def wait_for(
    namespace: Namespace, names: Collection[str], seconds: float, count: int | None = None
) -> dict[str, dict[str, Any]]:
    """Name → Workflow of all that have ended, when these, or `count` of these, have."""
    deadline = time.monotonic() + seconds
    while True:
        found = json.loads(namespace.kubectl("get", "workflows", "-o", "json"))["items"]
        ended = {
            one["metadata"]["name"]: one
            for one in found
            if one.get("status", {}).get("phase") in ENDED
        }
        if len(ended.keys() & names) >= (len(names) if count is None else count):
            return ended
        assert time.monotonic() < deadline, run("argo", "-n", namespace.name, "list")
        time.sleep(1)


def printed_by_pods(namespace: Namespace) -> dict[str, list[str]]:
    """Node → the argv that its pod printed."""
    pods = json.loads(namespace.kubectl("get", "pods", "-o", "json"))["items"]
    nodes = {
        pod["metadata"]["name"]: pod["metadata"]["annotations"]["workflows.argoproj.io/node-id"]
        for pod in pods
    }
    words = ["logs", "-l", "workflows.argoproj.io/workflow", "-c", "main", "--tail=-1", "--prefix"]
    words += ["--follow", f"--max-log-requests={len(pods)}"]  # all at once
    lines = namespace.kubectl(*words, "--ignore-errors")  # of a pod that never began
    argvs: dict[str, list[str]] = {}
    for line in lines.split("\n"):  # a text may hold other ends of lines
        name, _, rest = line.partition("] ")
        if (argv := _words(rest)) is not None:
            argvs[nodes[name.split("/")[1]]] = argv
    return argvs


def _words(line: str) -> list[str] | None:
    """The argv in a line of a pod's log (`tests/support/argv.h`), if it is one."""
    try:
        words: list[str] = json.loads(line)
    except ValueError:
        return None
    return words
