"""A model to import, whole, and a copy of it to spoil."""

from pathlib import Path

import pytest

from tests.jobs.ingest.sources import fresh
from tests.support.pico import write_llama


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("source") / "model")


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    return fresh(source, tmp_path / "source")
