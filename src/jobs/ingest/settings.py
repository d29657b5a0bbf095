"""Settings of the ingest job."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from jobs.command.settings import JobSettings, Word
from jobs.ingest.files import choose
from jobs.kinds.promises import ImportedModel
from jobs.store.source import check_source, place_of


class IngestSettings(JobSettings):
    """Imports one model into the store: safetensors, config, tokenizer, chat template; no code."""

    job: ClassVar[str] = "ingest"
    example: ClassVar[str] = "--from Qwen/Qwen2.5-0.5B --out s3://bucket/perennial/models/qwen/base"
    kind: ClassVar[str] = "model"
    version: ClassVar[str] = "2"
    outputs: ClassVar[tuple[str, ...]] = ("digest", "tokenizer-digest")
    promises = ImportedModel

    source: Annotated[str, AfterValidator(check_source), Word("FOLDER|URI|OWNER/NAME")] = Field(
        alias="from"
    )
    """A folder or URI (s3://bucket/prefix) right below which the model's files are, a model of a
    store, or its id on the hub (owner/name)."""
    revision: str | None = None
    """The hub's revision: a commit, branch or tag. The commit it resolves to is recorded."""

    @staticmethod
    def check_names(names: Iterable[str], where: str) -> None:
        """Raises BadInputError where these are not the names of a model's files."""
        choose(names, where)

    def identity(self) -> dict[str, Any]:
        """With the digest of the files in place of where they lie, which may change."""
        values = super().identity()
        if (place := place_of(self.source)) is not None:
            from jobs.ingest.copying import Copier
            from jobs.ingest.source import open_place

            source = open_place(place)
            values["source"] = Copier(source, self.source).digest(
                choose(source.names(), self.source)
            )
        return values

    def identity_at_once(self) -> dict[str, Any]:
        """Without the source where it is known by its digest."""
        values = super().identity()
        if place_of(self.source) is not None:
            del values["source"]
        return values
