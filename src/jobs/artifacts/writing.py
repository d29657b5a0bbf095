"""Writing an artifact: its files, then the commit by create-if-absent, which makes them one."""

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobs.artifacts.hashing import ALGORITHM, PIECE_BYTES, HashingFile
from jobs.artifacts.manifest import (
    MANIFEST,
    File,
    Input,
    Manifest,
    Producer,
    Work,
    digest,
    file_of,
)
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError, PerennialError
from jobs.store.prefix import Prefix

log = logging.getLogger("artifact")


class LostRaceError(Exception):
    """Another writer has committed this artifact meanwhile; nothing of it may be touched."""


class ArtifactWriter:
    """Writes the files of one artifact; `commit` makes them one.

    Before a file appears it is looked whether another writer has committed; then LostRaceError
    is raised. Two writers of different work may still cross until one of them commits: readers
    find it by the digests.
    """

    def __init__(self, prefix: Prefix, work: Work, inputs: Mapping[str, Input]) -> None:
        self.prefix, self.work = prefix, work
        self._inputs = dict(inputs)
        self._files: dict[str, File] = {}
        self._scaffolding: list[str] = []

    @property
    def uri(self) -> str:
        return self.prefix.uri

    def _stop_if_lost(self) -> None:
        if self.prefix.exists(MANIFEST):
            raise LostRaceError

    def write(self, path: str, data: bytes) -> None:
        self._stop_if_lost()
        self.prefix.write(path, data)
        self.add(file_of(path, data))

    def write_json(self, path: str, value: Any) -> None:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        try:
            data = text.encode()
        except UnicodeEncodeError as error:  # JSON can hold half a character, a file cannot
            raise BadInputError(f"{path} cannot be written as text: {error}") from error
        self.write(path, data)

    def __contains__(self, path: str) -> bool:
        """Whether the file was written."""
        return path in self._files

    def written(self, path: str) -> File:
        """What was written under this path."""
        return self._files[path]

    @contextlib.contextmanager
    def open(self, path: str, size_hint: int | None = None) -> Iterator[HashingFile]:
        """A file to stream into; it counts as written when the block ends without an error.

        `size_hint` is about how many bytes will come, where that is known.
        """
        with self.prefix.writer(path, size_hint) as target, ThreadPoolExecutor(1) as digester:
            file = HashingFile(target, digester)
            yield file
            self._stop_if_lost()
        size, found = file.tell(), file.hexdigest()
        self.add(File(path=path, bytes=size, digest=found, algorithm=ALGORITHM))

    def copy(self, source: Artifact, path: str) -> None:
        """A file of another artifact, unchanged, under the same path."""
        found = source.hasher(path)
        with source.open_file(path) as reader, self.open(path) as target:
            while piece := reader.read(PIECE_BYTES):
                found.update(piece)
                target.write(piece)
        source.check(path, found)

    def upload_file(self, local: Path, path: str) -> None:
        """A local file, in bounded pieces."""
        with local.open("rb") as reader, self.open(path) as target:
            while piece := reader.read(PIECE_BYTES):
                target.write(piece)

    def upload_folder(self, folder: Path) -> None:
        """Every file below a local folder, under its relative path."""
        for local in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.upload_file(local, local.relative_to(folder).as_posix())

    def write_scaffolding(self, path: str, data: bytes) -> None:
        """A file that helps a later attempt, and is deleted once the artifact is whole."""
        self._stop_if_lost()
        self.prefix.write(path, data)
        self._scaffolding.append(path)

    def beside(self, path: str, kind: str) -> "ArtifactWriter":
        """A writer for a lesser artifact of the same work, below this one's URI."""
        work = self.work.model_copy(update={"kind": kind})
        return ArtifactWriter(self.prefix / path, work, self._inputs)

    def add(self, file: File) -> None:
        """Counts a file that was written by other means."""
        self._files[file.path] = file

    def view(self) -> Artifact:
        """What was written so far, to read back and check before the commit."""
        return Artifact(self.prefix, self._manifest({}))

    def commit(self, statistics: Mapping[str, Any]) -> Artifact:
        """Creates the manifest, or returns the winner's artifact where another was faster.

        Raises LostRaceError where the winner's is of other work.
        """
        manifest = self._manifest(statistics)
        Artifact(self.prefix, manifest)._check_sizes()
        text = manifest.model_dump_json(indent=2) + "\n"
        if self.prefix.create(MANIFEST, text.encode()):
            self._delete_scaffolding()
            return Artifact(self.prefix, manifest)
        winner = Artifact.open(self.uri)
        if winner.manifest.differences(self.work):
            raise LostRaceError
        log.warning("lost-race out=%s using the winner's artifact", self.uri)
        return winner

    def _delete_scaffolding(self) -> None:
        with contextlib.suppress(PerennialError):  # of no use any more, and in nobody's way
            for path in self._scaffolding:
                self.prefix.delete(path)

    def _manifest(self, statistics: Mapping[str, Any]) -> Manifest:
        files = tuple(sorted(self._files.values(), key=lambda file: file.path))
        job, version = self.work.producer.split(" ")
        return Manifest(
            kind=self.work.kind,
            files=files,
            digest=digest(self.work.kind, files),
            inputs=self._inputs,
            settings=self.work.settings,
            producer=Producer(job=job, version=version, image=os.environ.get("PERENNIAL_IMAGE")),
            statistics=dict(statistics),
            created=datetime.now(UTC).replace(microsecond=0),
        )
