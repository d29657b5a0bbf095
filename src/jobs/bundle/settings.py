"""Settings of the bundle job."""

import hashlib
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from jobs.artifacts.manifest import folder_digest
from jobs.command.settings import JobSettings, Word
from jobs.suites import load_suite


class BundleSettings(JobSettings):
    """Seals the data that a suite needs, so that evaluation needs no network."""

    job: ClassVar[str] = "bundle"
    example: ClassVar[str] = "--suite paper --out s3://bucket/perennial/eval-data/paper"
    kind: ClassVar[str] = "bundle"
    version: ClassVar[str] = "1"

    suite: Annotated[str, Word("paper|demo|FILE")]
    """The suite: paper, demo, or a file of your own (./my-suite.yaml)."""
    source: Annotated[str | None, Word("FOLDER")] = Field(None, alias="from")
    """A folder that mirrors the data sets, <path>/[<config>/]<split>.jsonl; default: the hub."""

    def identity(self) -> dict[str, Any]:
        """With digests of suite and folder: their names alone do not say what is sealed."""
        values = self.identity_at_once()
        if "source" not in values:
            values["source"] = folder_digest(Path(str(self.source)))
        return values

    def identity_at_once(self) -> dict[str, Any]:
        """Without the source where it is a folder."""
        suite = load_suite(self.suite).sealed()
        values = super().identity()
        values["suite"] = suite.name
        values["suite_sha256"] = hashlib.sha256(suite.model_dump_json().encode()).hexdigest()
        if self.source and Path(self.source).is_dir():
            del values["source"]
        return values
