"""Settings of the bundle job."""

from typing import ClassVar

from pydantic import Field

from jobs.command_line import JobSettings


class BundleSettings(JobSettings):
    """Seals the data that a suite needs, so that evaluation needs no network."""

    job: ClassVar[str] = "bundle"
    kind: ClassVar[str] = "bundle"
    version: ClassVar[str] = "1"

    suite: str
    """The suite: a name in jobs/suites (paper, demo)."""
    source: str | None = Field(None, alias="from")
    """A folder that mirrors the data sets, <path>/[<config>/]<split>.jsonl; default: the hub."""
