"""Models, bundle and rows that the tests of evaluate share, made once."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.artifacts.reading import Artifact
from jobs.bundle.settings import BundleSettings
from jobs.bundle.work import seal
from jobs.command.running import begin, finish
from tests.jobs.evaluate.pico import commit_model
from tests.support.hub_mirror import WORDS, write_paper_mirror
from tests.support.pico import commit

TEXT = " ".join(f"The {word} is made of {word}. What is {word}?" for word in WORDS)
ARTICLES = (
    {"url": "https://a.example", "title": "Bread", "body": "Bread is made.\n\nÖl as well."},
    {"url": "https://b.example", "title": "Iron and salt", "body": "Iron is not salt. " * 40},
)


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """What the job sets for its libraries ends with the test."""
    with patch.dict(os.environ):
        yield


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return commit_model(tmp_path_factory.mktemp("base"), TEXT)


@pytest.fixture(scope="session")
def instruct(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Long enough for five examples, and with a chat template."""
    folder = tmp_path_factory.mktemp("instruct")
    return commit_model(folder, TEXT, chat=True, max_position_embeddings=1024)


def sealed(folder: Path, suite: str, mirror: Path) -> Artifact:
    job = begin(BundleSettings(out=str(folder), suite=suite, source=str(mirror)), {})
    assert job is not None
    return finish(job, seal(job))


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_paper_mirror(tmp_path_factory.mktemp("mirror"))


@pytest.fixture(scope="session")
def demo_bundle(tmp_path_factory: pytest.TempPathFactory, mirror: Path) -> Artifact:
    return sealed(tmp_path_factory.mktemp("demo"), "demo", mirror)


@pytest.fixture(scope="session")
def paper_bundle(tmp_path_factory: pytest.TempPathFactory, mirror: Path) -> Artifact:
    return sealed(tmp_path_factory.mktemp("paper"), "paper", mirror)


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(ARTICLES)), file)
    folder = tmp_path_factory.mktemp("rows")
    return commit(str(folder), "rows", {"heldout-articles.parquet": file.getvalue()})
