"""Shards that an earlier run of the same merge wrote whole, so that they are not computed again.

Beside each shard, once it is whole, stands a record of the work it belongs to, its digest and its
moments, under ``shards/``. A shard counts as done if the record is of this very work and the
shard's bytes have the digest it names, and if no input has been written anew since: a shard may
have been made before its inputs' digests were known to be right.
"""

import contextlib
from collections.abc import Mapping

from pydantic import ConfigDict, ValidationError

from jobs.artifacts.manifest import File, Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.merge.arithmetic.merge import Moments
from jobs.records import Record
from jobs.store.failures import NotFoundError

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

    def take(self, file: str) -> ShardRecord | None:
        """Takes over a shard that an earlier attempt left whole; its record, or None."""
        for place in self._out.left(_path(file)):
            with contextlib.suppress(NotFoundError, ValidationError):
                data = place.read(_path(file))
                record = ShardRecord.model_validate_json(data)
                same = (record.work, record.versions) == (self._out.work, self._versions)
                if same and record.file.path == file and self._out.take(record.file, place):
                    self._out.write_scaffolding(_path(file), data)
                    return record
        return None

    def save(self, file: File, moments: Mapping[str, Moments]) -> None:
        """To be called once the shard is there."""
        record = ShardRecord(
            work=self._out.work, versions=self._versions, file=file, moments=moments
        )
        self._out.write_scaffolding(_path(file.path), record.model_dump_json().encode())


def _path(file: str) -> str:
    return f"{FOLDER}/{file}.json"
