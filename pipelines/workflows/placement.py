"""Where each step runs, with what, for how long, and when it is tried again.

Pools, processors, memory and GPUs are workflow parameters, so that another fleet or cluster
differs by parameters only. Argo cannot template a quantity in ``resources``; it can in a pod
spec patch, which is therefore how they reach the pod.
"""

import json
from dataclasses import dataclass
from typing import Literal

from jobs.errors import EXIT_STOPPED, EXIT_TRANSIENT
from jobs.stopping import DEFAULT_GRACE_SECONDS

KILLED = 137  # SIGKILL: out of memory, or the node is going
KILLED_EARLY = 2  # Argo's own program in the pod, ended by SIGTERM before it listens
UNKNOWN = -1  # the pod vanished with its node; Argo knows no exit code

POOL_LABEL = "perennial.dev/pool"
CONFINED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
"""Of Argo's own containers in a step's pod, as the `restricted` pod security standard asks; the
rest of it stands in the pod's own security context."""
CONFINED_INIT = {"name": "init", "securityContext": CONFINED}
CONFINED_WAIT = {"name": "wait", "securityContext": CONFINED}
GPU = "nvidia.com/gpu"
HOUR = 3600


@dataclass(frozen=True)
class Place:
    """One job's place: its size class, pool, and longest time for one attempt."""

    size: Literal["data", "train", "evaluate", "small"]
    pool: Literal["cpu", "gpu"]
    deadline_hours: int
    grace_seconds: int = DEFAULT_GRACE_SECONDS
    """Time between SIGTERM and SIGKILL: the one number that the pod, the job, torchrun and the
    local engine are told."""
    retries: int = 3

    def node_selector(self) -> dict[str, str]:
        return node_selector(self.pool)

    def pod_spec_patch(self) -> str:
        """The pod's quantities and grace, as the JSON patch that Argo merges into its spec."""
        requests: dict[str, str] = {"cpu": "250m", "memory": "1Gi"}
        if self.size != "small":
            requests = {kind: parameter(f"{self.size}-{kind}") for kind in ("cpu", "memory")}
        limits = {"memory": requests["memory"]}
        if self.pool == "gpu":
            limits[GPU] = parameter(f"{self.size}-gpus")
        main = {"name": "main", "resources": {"requests": requests, "limits": limits}}
        return json.dumps(
            {
                "terminationGracePeriodSeconds": self.grace_seconds,
                "initContainers": [CONFINED_INIT],
                "containers": [main, CONFINED_WAIT],
            }
        )


IMAGES_PATCH = json.dumps({"initContainers": [CONFINED_INIT], "containers": [CONFINED_WAIT]})
"""Of the pod that starts the images."""

_WAITING = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}}
_TMP = {"name": "manifest", "mountPath": "/tmp"}  # noqa: S108 - in a container
WAITING_PATCH = json.dumps(
    {
        "initContainers": [{**CONFINED_INIT, "volumeMounts": [_TMP]}],
        "containers": [{"name": "main", "resources": _WAITING, "securityContext": CONFINED}],
        "volumes": [{"name": "manifest", "emptyDir": {}}],
    }
)
"""Of the pod that waits for a family's Workflow: Argo's own program, for hours. Its init container
writes the manifest to /tmp, which an image without one needs a volume for."""

PLACES = {
    "ingest": Place("data", "cpu", deadline_hours=6),
    "check": Place("small", "cpu", deadline_hours=1),
    "bundle": Place("data", "cpu", deadline_hours=2),
    "crawl": Place("data", "cpu", deadline_hours=72),
    "curate": Place("data", "cpu", deadline_hours=12),
    "pack": Place("data", "cpu", deadline_hours=12),
    "train": Place("train", "gpu", deadline_hours=168, grace_seconds=300, retries=8),
    "merge": Place("data", "cpu", deadline_hours=4),
    "evaluate": Place("evaluate", "gpu", deadline_hours=24),
    "report": Place("small", "cpu", deadline_hours=1),
    "promote": Place("small", "cpu", deadline_hours=1),
}

# Without maxDuration: Argo counts it from the first attempt's start, hours of training included.
RETRY_BACKOFF = {"duration": "30s", "factor": "2"}
RETRY_CODES = (UNKNOWN, KILLED_EARLY, EXIT_TRANSIENT, KILLED, EXIT_STOPPED)
RETRY_EXPRESSION = (
    "lastRetry.status == 'Error' || "
    f"asInt(lastRetry.exitCode) in [{', '.join(map(str, RETRY_CODES))}]"
)
"""Never for 64 (bad input) nor 1 (a bug): the same command would fail again."""


def node_selector(pool: str) -> dict[str, str]:
    """The nodes of a pool of the fleet's: cpu or gpu."""
    return {POOL_LABEL: parameter(f"{pool}-pool")}


def parameter(name: str) -> str:
    """The tag of a workflow parameter."""
    return "{{workflow.parameters." + name + "}}"
