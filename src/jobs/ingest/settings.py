"""Settings of the ingest job."""

from typing import ClassVar

from pydantic import Field

from jobs.command_line import JobSettings


class IngestSettings(JobSettings):
    """Imports one model into the store: safetensors, config, tokenizer, chat template; no code."""

    job: ClassVar[str] = "ingest"
    kind: ClassVar[str] = "model"
    version: ClassVar[str] = "1"

    source: str = Field(alias="from")
    """A folder with the model's files, or its id on the hub (owner/name)."""
    revision: str | None = None
    """The hub's revision: a commit, branch or tag. The commit it resolves to is recorded."""
