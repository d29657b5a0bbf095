"""Shards that an earlier run of the same merge wrote whole, so that they are not computed again.

Beside each shard, once it is whole, stands a record of the work it belongs to, its digest and its
moments, under ``shards/``. A shard counts as done if the record is of this very work and the
shard's bytes have the digest it names.
"""

import hashlib
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError

from jobs.artifact import COPY_BYTES, ArtifactWriter
from jobs.manifest import File, Work
from jobs.merge.arithmetic import Moments
from jobs.store import NotFoundError, Prefix

FOLDER = "shards"


class Record(BaseModel):
    """One shard that was written whole; its moments by tensor."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    work: Work
    file: File
    moments: Mapping[str, Moments]


class Records:
    """The records of one merge, below the artifact it writes."""

    def __init__(self, out: ArtifactWriter) -> None:
        self._out = out
        self._prefix = out.prefix / FOLDER

    def find(self, file: str) -> Record | None:
        """The record of a shard that is there and whole, or None."""
        try:
            record = Record.model_validate_json(self._prefix.read(f"{file}.json"))
            whole = record.work == self._out.work and _holds(self._out.prefix, record.file)
        except (NotFoundError, ValidationError):
            return None
        return record if whole else None

    def save(self, file: File, moments: Mapping[str, Moments]) -> None:
        """To be called once the shard is there."""
        record = Record(work=self._out.work, file=file, moments=moments)
        self._prefix.write(f"{file.path}.json", record.model_dump_json().encode())

    def clear(self, files: Mapping[str, object]) -> None:
        """They are of no use once the artifact is whole."""
        for file in files:
            self._prefix.delete(f"{file}.json")


def _holds(prefix: Prefix, file: File) -> bool:
    if prefix.size(file.path) != file.bytes:
        return False
    sha256 = hashlib.sha256()
    with prefix.open(file.path) as reader:
        while piece := reader.read(COPY_BYTES):
            sha256.update(piece)
    return sha256.hexdigest() == file.sha256
