"""Settings of the ingest job."""

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from jobs.artifacts.manifest import folder_digest
from jobs.command.settings import JobSettings, Word
from jobs.ingest.files import choose
from jobs.ingest.inside import local_errors, names_in, real_path
from jobs.kinds.promises import ImportedModel
from jobs.store.folder import is_folder


class IngestSettings(JobSettings):
    """Imports one model into the store: safetensors, config, tokenizer, chat template; no code."""

    job: ClassVar[str] = "ingest"
    example: ClassVar[str] = "--from Qwen/Qwen2.5-0.5B --out s3://bucket/perennial/models/qwen/base"
    kind: ClassVar[str] = "model"
    version: ClassVar[str] = "2"
    outputs: ClassVar[tuple[str, ...]] = ("digest", "tokenizer-digest")
    promises = ImportedModel

    source: Annotated[str, Word("FOLDER|OWNER/NAME")] = Field(alias="from")
    """A folder with the model's files, or its id on the hub (owner/name)."""
    revision: str | None = None
    """The hub's revision: a commit, branch or tag. The commit it resolves to is recorded."""

    def check_folder(self) -> None:
        """Raises BadInputError where the source is a folder that has not a model's files."""
        if is_folder(self.source):
            choose(names_in(Path(self.source)), self.source)

    def identity(self) -> dict[str, Any]:
        """With a folder's digest in place of its path, which may change, as its files may."""
        values = super().identity()
        if is_folder(self.source):
            folder = Path(self.source)
            names = choose(names_in(folder), self.source)
            for name in names:
                real_path(folder, name)
            with local_errors():
                values["source"] = folder_digest(folder, names)
        return values

    def identity_at_once(self) -> dict[str, Any]:
        """Without the source where it is a folder."""
        values = super().identity()
        if is_folder(self.source):
            del values["source"]
        return values
