"""Shards that an earlier run of the same merge wrote whole, so that they are not computed again.

Beside each shard, once it is whole, stands a record of the work it belongs to, its digest and its
moments, under ``shards/``. A shard counts as done if the record is of this very work and the
shard's bytes have the digest it names, and if no input has been written anew since: a shard may
have been made before its inputs' digests were known to be right.
"""

from collections.abc import Mapping

from pydantic import ConfigDict, ValidationError

from jobs.artifacts.hashing import digest_of_file
from jobs.artifacts.manifest import File, Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.merge.arithmetic.merge import Moments
from jobs.records import Record
from jobs.store.failures import NotFoundError
from jobs.store.prefix import Prefix

FOLDER = "shards"

Versions = Mapping[str, Mapping[str, str | None]]


class ShardRecord(Record):
    """One shard that was written whole; its moments by tensor."""

    model_config = ConfigDict(ser_json_inf_nan="constants")

    work: Work
    versions: Versions
    """Role → weight file → its version in the store when it was read."""
    file: File
    moments: Mapping[str, Moments]


class Records:
    """The records of one merge, below the artifact it writes."""

    def __init__(self, out: ArtifactWriter, versions: Versions) -> None:
        self._out, self._versions = out, versions

    def find(self, file: str) -> ShardRecord | None:
        """The record of a shard that is there and whole, or None."""
        try:
            data = self._out.prefix.read(_path(file))
            record = ShardRecord.model_validate_json(data)
            same = (record.work, record.versions) == (self._out.work, self._versions)
            if not same or not _holds(self._out.prefix, record.file):
                return None
        except (NotFoundError, ValidationError):
            return None
        self._out.write_scaffolding(_path(file), data)
        return record

    def save(self, file: File, moments: Mapping[str, Moments]) -> None:
        """To be called once the shard is there."""
        record = ShardRecord(
            work=self._out.work, versions=self._versions, file=file, moments=moments
        )
        self._out.write_scaffolding(_path(file.path), record.model_dump_json().encode())


def _path(file: str) -> str:
    return f"{FOLDER}/{file}.json"


def _holds(prefix: Prefix, file: File) -> bool:
    if prefix.size(file.path) != file.bytes:
        return False
    with prefix.open(file.path) as reader:
        return digest_of_file(reader, file.algorithm) == file.digest
