"""The worlds of the pages, by name."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.docs.broken import break_all
from tests.docs.worlds import World, checkout

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
def problems_world(tmp_path: Path, bucket: dict[str, str]) -> World:
    """A clone beside fleet files, models and stores that are broken, and an empty bucket."""
    world = checkout(tmp_path / "problems", **bucket, AWS_EC2_METADATA_DISABLED="true")
    break_all(world.folder)
    return world
