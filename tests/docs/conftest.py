"""The worlds of the pages, by name."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from demo.__main__ import SAMPLE
from demo.server import serve
from jobs.kinds.conversations import CONVERSATIONS
from tests.docs import gated
from tests.docs.broken import break_all
from tests.docs.clustered import ClusterWorld
from tests.docs.extended import make_extended
from tests.docs.refreshing import make_store, make_trainable, publish_models
from tests.docs.worlds import World, checkout
from tests.support.hub import serve_hub
from tests.support.pico import CHAT_TEMPLATE, SENTENCE, commit, commit_articles, write_llama

BUCKET = "bucket"
"""As the pages name it."""


@pytest.fixture
def bucket(s3_endpoint: str) -> Iterator[dict[str, str]]:
    """An empty bucket of the pages' name; the environment of whoever uses it."""
    keys = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server = boto3.resource(
        "s3", endpoint_url=s3_endpoint, aws_access_key_id="test", aws_secret_access_key="test",
        region_name="us-east-1",
    ).Bucket(BUCKET)  # fmt: skip
    server.create()
    yield {"AWS_ENDPOINT_URL": s3_endpoint, **keys}
    server.objects.delete()
    server.delete()


@pytest.fixture
def checkout_world(tmp_path: Path, bucket: dict[str, str]) -> World:
    """A clone, an empty bucket, no hub."""
    return checkout(tmp_path / "checkout", **bucket)


@pytest.fixture
def make_world(tmp_path: Path) -> World:
    """A clone in which make only says what it would run: the tests run it otherwise."""
    world = checkout(tmp_path / "make")
    world.before = 'make() { command make --dry-run "$@" > /dev/null; }\n'
    return world


@pytest.fixture
def gate_world(tmp_path: Path, bucket: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> World:
    """A store in the bucket with the families and scores of docs/gate.md, not yet gated."""
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    gated.fill(f"s3://{BUCKET}/perennial", tmp_path / "store")
    return checkout(tmp_path / "checkout", **bucket)


@pytest.fixture
def hub_world(tmp_path: Path, bucket: dict[str, str]) -> Iterator[World]:
    """A clone, an empty bucket, and a hub that tells of the models of fleets/one-gpu.yaml."""
    with serve_hub() as (hub, address):
        publish_models(hub)
        yield checkout(tmp_path / "hub", HF_ENDPOINT=address, HF_HUB_OFFLINE="0", **bucket)


@pytest.fixture
def refresh_world(tmp_path: Path, bucket: dict[str, str]) -> Iterator[World]:
    """A clone, an empty bucket, and a fleets/one-gpu.yaml that two processors can refresh."""
    world = checkout(tmp_path / "refresh", **bucket)
    with serve(SAMPLE) as ccnews_server:
        make_trainable(world, ccnews_server)
        yield world


@pytest.fixture
def cluster_world(tmp_path: Path) -> World:
    """A clone of someone who has a cluster."""
    world = checkout(tmp_path / "cluster")
    return ClusterWorld(world.folder, world.environment)


@pytest.fixture
def store_world(tmp_path: Path) -> World:
    """A clone, and in it the store of a refresh whose candidate was released."""
    world = checkout(tmp_path / "store")
    make_store(world.folder / "store")
    return world


@pytest.fixture
def models_world(tmp_path: Path) -> World:
    """A clone, three models of one family as folders, and a store with news and conversations."""
    world = checkout(tmp_path / "models")
    for seed, name in enumerate(("base", "instruct", "newer")):
        chat = CHAT_TEMPLATE if name == "instruct" else None
        write_llama(world.folder / "models" / name, seed, chat_template=chat)
    commit_articles(f"{world.folder}/store/articles", [f"{SENTENCE} {day}" for day in range(20)])
    talk = {"messages": [{"role": role, "content": SENTENCE} for role in ("user", "assistant")]}
    lines = {CONVERSATIONS: f"{json.dumps(talk)}\n".encode() * 8}
    commit(f"{world.folder}/store/conversations", "conversations", lines)
    return world


@pytest.fixture
def extended_world(tmp_path: Path) -> World:
    """A copy of the project, changed as docs/extending.md says, with three articles in a store."""
    folder = tmp_path / "extended"
    make_extended(folder)
    path = f"{folder / 'src'}:{folder}"
    return World(folder, checkout(tmp_path / "checkout").environment | {"PYTHONPATH": path})


@pytest.fixture
def problems_world(tmp_path: Path, bucket: dict[str, str]) -> World:
    """A clone beside fleet files, models and stores that are broken, and an empty bucket."""
    world = checkout(tmp_path / "problems", **bucket, AWS_EC2_METADATA_DISABLED="true")
    break_all(world.folder)
    return world
