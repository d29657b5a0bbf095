"""A real cluster with Argo Workflows: the one that KUBECONFIG names (`make test-cluster`).

Each test has a namespace of its own, which enforces the pod security standard `restricted` and is
deleted in the end. Images come into the cluster by PERENNIAL_CLUSTER_LOAD, a command to which an
image's name is added: ``kind load docker-image``.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import yaml

from images.build import find_builder
from tests.support.compiling import compiled
from tests.support.paths import ROOT, SHARED

if TYPE_CHECKING:
    from jobs.artifacts.manifest import Manifest
    from tests.cluster.world.world import World

HOLLOW = "localhost/perennial-hollow:2"
STEP = "localhost/perennial-step:1"
ENDED = ("Succeeded", "Failed", "Error")
"""Phases of a Workflow."""
PODS_LABEL = "pod-security.kubernetes.io/enforce=restricted"
SMALL = {
    f"{size}-{kind}": value
    for size in ("data", "train", "evaluate")
    for kind, value in (("cpu", "50m"), ("memory", "64Mi"))
}
FLEET = """
name: hollow
suite: demo
controls: [s1]
placement: {gpu_pool: cpu, train_gpus: 0, evaluate_gpus: 0}
families:
"""
FAMILY = """
  - name: family-%d.5b
    base: {from: owner/base-%d}
    instruct: {from: owner/instruct-%d}
    derived: [{name: derived-%d, from: owner/derived-%d}]
"""


def run(*words: str, code: int = 0) -> str:
    """What a program printed on both streams."""
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def cluster() -> None:
    """Skips where there is none."""
    missing = [name for name in ("kubectl", "helm", "argo") if shutil.which(name) is None]
    if missing or "KUBECONFIG" not in os.environ:
        pytest.skip(f"needs KUBECONFIG, kubectl, helm and argo; there is no {', '.join(missing)}")
    run("kubectl", "get", "crd", "workflowtemplates.argoproj.io")
    run("kubectl", "label", "node", "--all", "perennial.dev/pool=cpu", "--overwrite")


@pytest.fixture(scope="session")
def hollow(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image in the place of every job's, whose steps do nothing (`hollow.c`)."""
    source = Path(__file__).with_name("hollow.c")
    return program_image(HOLLOW, source, "python", tmp_path_factory.mktemp("hollow"))


@pytest.fixture(scope="session")
def step_image(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image of the conformance cases, which holds their `step`."""
    source = ROOT / "tests/conformance/step.c"
    return program_image(STEP, source, "step", tmp_path_factory.mktemp("step"))


def program_image(image: str, source: Path, name: str, folder: Path) -> str:
    """Builds an image that holds one program and nothing else, and brings it into the cluster."""
    compiled(source, folder / name)
    (folder / "Dockerfile").write_text(f"FROM scratch\nCOPY {name} /bin/\nUSER 65532\n")
    run(find_builder(None), "build", "--tag", image, str(folder))
    load(image)
    return image


def load(image: str) -> None:
    """Brings an image into the cluster."""
    here = SHARED / "cluster/cluster"
    default = f"{here} load" if here.exists() else "kind load docker-image"
    run(*shlex.split(os.environ.get("PERENNIAL_CLUSTER_LOAD", default)), image)


@dataclass(frozen=True)
class Namespace:
    """A namespace and what is installed in it."""

    name: str
    folder: Path
    image: str

    def kubectl(self, *words: str) -> str:
        return run("kubectl", "-n", self.name, *words)

    def tries(self, *words: str) -> bool:
        """Whether kubectl could do it."""
        told = ("kubectl", "-n", self.name, *words)
        return subprocess.run(told, capture_output=True, check=False).returncode == 0

    def argo(self, *words: str) -> str:
        return run("argo", "-n", self.name, *words)

    @contextmanager
    def forwarded(self, pod: str, port: int) -> Iterator[str]:
        """Host and port on this machine by which a pod's port is reached while the block runs."""
        log = self.folder / f"forward-{uuid4().hex[:8]}.log"
        words = ("kubectl", "-n", self.name, "port-forward", f"pod/{pod}", f":{port}")
        with log.open("wb") as said, subprocess.Popen(words, stdout=said, stderr=said) as process:
            try:
                while not (found := re.search(r"127\.0\.0\.1:\d+", log.read_text())):
                    assert process.poll() is None, log.read_text()
                    time.sleep(0.1)
                yield found[0]
            finally:
                process.terminate()

    def helm(self, families: int, *values: str, code: int = 0) -> str:
        """Installs the chart with a fleet of so many families, and a hollow image for each job."""
        fleet = self.folder / "fleet.yaml"
        numbers = range(families)
        fleet.write_text(FLEET + "".join(FAMILY % ((number,) * 5) for number in numbers))
        printed = run(sys.executable, "-m", "pipelines", "parameters", str(fleet))
        registry, _, image = self.image.rpartition("/")
        given = yaml.safe_load(printed)["parameters"] | SMALL
        given |= {"store": "s3://bucket/store", "registry": registry}
        given |= {f"{job}-image": image for job in jobs()}
        file = self.folder / "values.yaml"
        file.write_text(yaml.safe_dump({"parameters": given}))
        words = ["helm", "upgrade", "--install", "perennial", "charts/perennial"]
        words += ["-n", self.name, "-f", str(file)]
        for value in values:
            words += ["--set", value]
        return run(*words, code=code)

    def submit(self, *parameters: str) -> str:
        """The name of a run of the refresh."""
        words = ["submit", "--from", "workflowtemplate/perennial-refresh", "-o", "name"]
        for parameter in ("period=2026-10", *parameters):
            words += ["-p", parameter]
        return self.argo(*words).strip().rpartition("/")[2]

    def wait(self, workflow: str, seconds: float) -> dict[str, Any]:
        """The Workflow when it has ended."""
        deadline = time.monotonic() + seconds
        while not self.has_ended(workflow):
            assert time.monotonic() < deadline, self.argo("get", workflow)
            time.sleep(2)
        found: dict[str, Any] = json.loads(self.kubectl("get", "wf", workflow, "-o", "json"))
        return found

    def has_ended(self, workflow: str) -> bool:
        phase = self.kubectl("get", "wf", workflow, "-o", "jsonpath={.status.phase}")
        return phase in ENDED

    def families(self, refresh: str) -> list[dict[str, Any]]:
        """The Workflows of a refresh's families."""
        label = f"perennial.dev/refresh={refresh},perennial.dev/family"
        found: list[dict[str, Any]]
        found = json.loads(self.kubectl("get", "wf", "-l", label, "-o", "json"))["items"]
        return found


def jobs() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "src/jobs").glob("*/__main__.py"))


@contextmanager
def new_namespace(folder: Path, image: str = "") -> Iterator[Namespace]:
    """Empty, and restricted; deleted in the end."""
    made = Namespace(f"perennial-{uuid4().hex[:8]}", folder, image)
    run("kubectl", "create", "namespace", made.name)
    run("kubectl", "label", "namespace", made.name, PODS_LABEL)
    try:
        yield made
    finally:
        run("kubectl", "delete", "namespace", made.name, "--wait=false")


@pytest.fixture
def namespace(hollow: str, tmp_path: Path) -> Iterator[Namespace]:
    """For steps that do nothing."""
    with new_namespace(tmp_path, hollow) as made:
        yield made


@dataclass(frozen=True)
class Images:
    """Those of the jobs: ``<registry>/<job>:<tag>``."""

    registry: str
    tag: str

    def of(self, job: str) -> str:
        return f"{self.registry}/{job}:{self.tag}"

    def missing(self) -> list[str]:
        """Those that no node has."""
        nodes = json.loads(run("kubectl", "get", "nodes", "-o", "json"))["items"]
        listed = [image["names"] for node in nodes for image in node["status"]["images"]]
        held = {name for names in listed for name in names or ()}
        return [self.of(job) for job in jobs() if self.of(job) not in held]


def named_images() -> Images:
    """Those that PERENNIAL_CLUSTER_IMAGES=REGISTRY:TAG names; default: as `make images` does."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    named = os.environ.get("PERENNIAL_CLUSTER_IMAGES", f"localhost/perennial:{version}")
    return Images(*named.rsplit(":", 1))


@pytest.fixture(scope="session")
def images(cluster: None) -> Images:
    """The jobs' images, where they are on the nodes."""
    found = named_images()
    if missing := found.missing():
        pytest.skip(f"no node has {', '.join(missing)}: make images, and load them")
    return found


@pytest.fixture(scope="session")
def undisturbed(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> "dict[str, Manifest]":
    """What the demo's refresh makes on this machine: path below the store → manifest."""
    from tests.cluster.world import world

    return world.run_here(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture(scope="session")
def world_image(images: Images, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In the cluster."""
    from tests.cluster.world import world

    world.build_image(images.of("crawl"), tmp_path_factory.mktemp("world"))


@pytest.fixture
def world(
    images: Images, world_image: None, undisturbed: object, tmp_path: Path
) -> "Iterator[World]":
    """A namespace with the S3 server, the mirror, and the demo's models in a bucket."""
    from tests.cluster.world.world import World

    with new_namespace(tmp_path) as space:
        made = World(space, images)
        made.begin()
        yield made


@pytest.fixture
def stock_argo(cluster: None) -> Iterator[None]:
    """Argo's controller as it is installed: nothing said of its executor's containers."""
    where: Sequence[str] = ("-n", "argo", "configmap", "workflow-controller-configmap")
    before = json.loads(run("kubectl", "get", *where, "-o", "json")).get("data", {})
    if "executor" not in before:
        yield
        return
    gone = json.dumps({"data": {"executor": None}})
    _patch(gone)
    yield
    _patch(json.dumps({"data": {"executor": before["executor"]}}))


def _patch(change: str) -> None:
    argo = ("-n", "argo")
    name = "workflow-controller-configmap"
    run("kubectl", *argo, "patch", "configmap", name, "--type", "merge", "-p", change)
    run("kubectl", *argo, "rollout", "restart", "deployment/workflow-controller")
    run("kubectl", *argo, "rollout", "status", "deployment/workflow-controller", "--timeout=120s")
