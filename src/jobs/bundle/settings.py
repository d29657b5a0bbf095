"""Settings of the bundle job."""

import hashlib
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from jobs.artifacts.folders import digest_of_all
from jobs.command.settings import JobSettings, Word
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from jobs.store.source import check_source, place_of
from jobs.suites import load_suite
from jobs.words import shown


class BundleSettings(JobSettings):
    """Seals the data that a suite needs, so that evaluation needs no network."""

    job: ClassVar[str] = "bundle"
    example: ClassVar[str] = "--suite paper --out s3://bucket/perennial/eval-data/paper"
    kind: ClassVar[str] = "bundle"
    version: ClassVar[str] = "1"

    suite: Annotated[str, Word("paper|demo|FILE")]
    """The suite: paper, demo, or a file of your own (./my-suite.yaml)."""
    source: Annotated[Annotated[str, AfterValidator(check_source)] | None, Word("FOLDER|URI")] = (
        Field(None, alias="from")
    )
    """A folder or URI that mirrors the data sets, <path>/[<config>/]<split>.jsonl; default: the
    hub."""

    @property
    def mirror(self) -> str | None:
        """The URI of what mirrors the data sets, or None where they come from the hub.

        Raises BadInputError where there is no such place.
        """
        if self.source is None:
            return None
        place = place_of(self.source)
        if place is None:
            raise BadInputError(
                f"--from {shown(self.source)} is neither a folder nor a URI such as "
                "s3://bucket/prefix; without it the data sets come from the hub"
            )
        return place

    def identity(self) -> dict[str, Any]:
        """With digests of suite and mirror: their names alone do not say what is sealed."""
        values = self.identity_at_once()
        if (mirror := self.mirror) is not None:
            values["source"] = digest_of_all(Prefix(mirror))
        return values

    def identity_at_once(self) -> dict[str, Any]:
        """Without the source where it is a mirror."""
        suite = load_suite(self.suite).sealed()
        values = super().identity()
        values["suite"] = suite.name
        values["suite_sha256"] = hashlib.sha256(suite.model_dump_json().encode()).hexdigest()
        if self.source and place_of(self.source) is not None:
            del values["source"]
        return values
