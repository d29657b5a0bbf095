"""Artifacts: a prefix in the store that one job wrote, with its ``manifest.json`` written last.

Included: opening an artifact (refused unless all its files are there with the sizes that the
manifest lists), reading and downloading with digests checked. Not included: writing one
(`jobs.artifacts.writing`), the manifest itself (`jobs.artifacts.manifest`), which job reads what.

A prefix without a manifest is no artifact: whatever a killed job left there is never read.
"""

from collections.abc import Container
from pathlib import Path
from typing import IO, Any

from jobs.artifacts.hashing import Hasher, digest_of, digest_of_file, digest_of_path, hasher
from jobs.artifacts.manifest import (
    MANIFEST,
    File,
    Input,
    Manifest,
    digest,
    find_manifest,
)
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from jobs.strict_json import check_memory, parse

MAX_JSON_BYTES = 2**28


class Artifact:
    """An artifact that was found whole: a manifest, and every file it lists with its size."""

    def __init__(self, prefix: Prefix, manifest: Manifest, relevant: str | None = None) -> None:
        self.prefix, self.manifest = prefix, manifest
        self.relevant = relevant
        self.place = prefix / manifest.attempt if manifest.attempt else prefix
        """Where its files lie."""
        self._files = {file.path: file for file in manifest.files}

    def counting(self, paths: Container[str]) -> "Artifact":
        """The same artifact, as an input of which only these files matter to the result."""
        files = tuple(file for file in self.manifest.files if file.path in paths)
        relevant = digest(self.manifest.kind, files, self.manifest.schema_version)
        return Artifact(self.prefix, self.manifest, relevant)

    def as_input(self) -> Input:
        """How the manifest of what is made from it names it."""
        return Input(uri=self.uri, digest=self.digest, relevant=self.relevant)

    @classmethod
    def open(cls, uri: str, kind: str | None = None) -> "Artifact":
        """The artifact at `uri`. Raises BadInputError: missing, partial or another kind."""
        prefix = Prefix(uri)
        manifest = find_manifest(prefix)
        if manifest is None:
            raise BadInputError(
                f"no artifact at {prefix.uri}: it has no {MANIFEST}; "
                "run the job that makes it, or correct the URI"
            )
        if kind is not None and manifest.kind != kind:
            raise BadInputError(
                f"{prefix.uri} holds {manifest.kind!r}, expected {kind!r}; give the URI of one"
            )
        artifact = cls(prefix, manifest)
        artifact._check_sizes()
        return artifact

    def _check_sizes(self) -> None:
        present = dict(self.place.list())
        missing = [path for path in self._files if path not in present]
        wrong = [
            f"{path} has {present[path]} bytes, expected {file.bytes}"
            for path, file in self._files.items()
            if path in present and present[path] != file.bytes
        ]
        if missing or wrong:
            said = [f"missing {', '.join(missing)}"] if missing else []
            raise BadInputError(
                f"artifact {self.uri} is damaged: {'; '.join(said + wrong)}; "
                f"delete {MANIFEST} there and run its job again"
            )

    @property
    def uri(self) -> str:
        return self.prefix.uri

    @property
    def remote(self) -> bool:
        """Whether each read is a request to a server."""
        return self.prefix.folder is None

    @property
    def digest(self) -> str:
        return self.manifest.digest

    @property
    def statistics(self) -> dict[str, Any]:
        return self.manifest.statistics

    @property
    def paths(self) -> list[str]:
        """Paths of all files, sorted."""
        return sorted(self._files)

    def __contains__(self, path: str) -> bool:
        return path in self._files

    def size(self, path: str) -> int:
        return self.file(path).bytes

    def file(self, path: str) -> File:
        """Its record. Raises BadInputError where the artifact has no such file."""
        if path not in self._files:
            raise BadInputError(f"artifact {self.uri} has no file {path!r}; it has {self.paths}")
        return self._files[path]

    def read(self, path: str) -> bytes:
        """One file, whole; its digest is checked."""
        self.file(path)
        data = self.place.read(path)
        self._check(path, digest_of(data, self.file(path).algorithm))
        return data

    def read_json(self, path: str, max_bytes: int = MAX_JSON_BYTES) -> Any:
        """One file as JSON, in `max_bytes` of memory at most. Raises BadInputError for other.

        NaN and infinities are let through: transformers writes them into configs.
        """
        where = f"{self.uri}/{path}"
        check_memory(where, max_bytes, self.size(path))
        return parse(self.read(path), where, max_bytes, allow_nan=True)

    def verify(self, path: str) -> None:
        """Reads one file whole, in bounded pieces. Raises BadInputError where it was altered."""
        with self.open_file(path) as file:
            self._check(path, digest_of_file(file, self.file(path).algorithm))

    def open_file(self, path: str) -> IO[bytes]:
        """A seekable file read by ranges, for libraries that take part of it (unchecked digest)."""
        self.file(path)
        return self.place.open(path)

    def version(self, path: str) -> str | None:
        """What changes whenever the file is written anew, or None where the store has none."""
        return self.place.version(path)

    def read_range(self, path: str, start: int, length: int) -> memoryview:
        return self.place.read_range(path, start, length)

    def read_into(self, path: str, start: int, buffer: memoryview) -> memoryview:
        """As many bytes from `start` as `buffer` holds: in it where that spares a copy."""
        if self.remote:
            return self.place.read_range(path, start, len(buffer))
        self.place.read_into(path, start, buffer)
        return buffer

    def local_copy(self, scratch: Path, names: Container[str] | None = None) -> Path:
        """`scratch` with the files in it, digests checked; `names` restricts which.

        They are links where the artifact is a folder itself, copies where it is remote. What
        else lies in that folder, a killed job's leavings say, is never seen.
        """
        for file in self.manifest.files:
            if names is not None and file.path not in names:
                continue
            local = scratch / file.path
            if self.place.folder is None:
                self.download(file.path, local)
            else:
                local.parent.mkdir(parents=True, exist_ok=True)
                local.symlink_to(self.place.folder / file.path)
                self._check(file.path, digest_of_path(local, file.algorithm))
        return scratch

    def download(self, path: str, to: Path) -> None:
        """Copies one file to a local one; its digest is checked."""
        file = self.file(path)
        self.place.download(path, to)
        self._check(path, digest_of_path(to, file.algorithm))

    def hasher(self, path: str) -> Hasher:
        """Of the algorithm that the file's digest is of, for whoever reads it piece by piece."""
        return hasher(self.file(path).algorithm)

    def check(self, path: str, found: Hasher) -> None:
        """Raises BadInputError unless the file's digest is the one found (`hasher`)."""
        self._check(path, found.hexdigest())

    def _check(self, path: str, found: str) -> None:
        file = self.file(path)
        if found != file.digest:
            raise BadInputError(
                f"{self.uri}/{file.path} is corrupt: {file.algorithm} {found}, "
                f"expected {file.digest}"
            )
