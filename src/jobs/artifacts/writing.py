"""Writing an artifact: its files, then the commit by create-if-absent, which makes them one.

Each writer writes into a folder of its own, whose name it draws, and the manifest names the one
folder whose files are the artifact's. So whatever two writers do, alive, killed or woken again,

- no file of a writer is ever written by another, nor by itself a second time;
- nothing is deleted before there is a manifest, and then only other attempts' folders;

and a manifest, which is created once, lists files that were whole before it and stay so. What
other attempts left is deleted by whoever commits, loses, or finds the artifact there.
"""

import contextlib
import json
import logging
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from jobs.artifacts.hashing import ALGORITHM, PIECE_BYTES, HashingFile, digest_of_file
from jobs.artifacts.manifest import (
    ATTEMPT,
    MANIFEST,
    File,
    Input,
    Manifest,
    Producer,
    Work,
    digest,
    file_of,
    find_manifest,
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
    is raised.
    """

    def __init__(
        self,
        prefix: Prefix,
        work: Work,
        inputs: Mapping[str, Input],
        operation: Mapping[str, Any] = {},
        attempt: str | None = None,
    ) -> None:
        """`attempt` is that of another process, which commits what both write (`include`)."""
        self.prefix, self.work = prefix, work
        self._inputs, self._operation = dict(inputs), dict(operation)
        self._files: dict[str, File] = {}
        self.attempt = attempt or f"attempt-{secrets.token_hex(6)}"
        self._place = prefix / self.attempt

    @property
    def uri(self) -> str:
        return self.prefix.uri

    def know(self, setting: str, value: Any) -> None:
        """A setting that is known only once the work has read what it stands for."""
        settings = {**self.work.settings, setting: value}
        self.work = self.work.model_copy(update={"settings": settings})

    def lost(self) -> bool:
        """Whether another writer has committed this artifact."""
        manifest = find_manifest(self.prefix)
        return manifest is not None and manifest.attempt != self.attempt

    def abandon(self) -> None:
        """Deletes all that this writer wrote, where another's artifact took its place.

        The winner has tried to, but what is written meanwhile escapes it.
        """
        with contextlib.suppress(PerennialError):  # of no use any more, and in nobody's way
            self.prefix.clear(self.attempt)

    def _stop_if_lost(self) -> None:
        if self.prefix.exists(MANIFEST):
            raise LostRaceError

    def write(self, path: str, data: bytes) -> None:
        """One file. Raises KeyError where it was written before."""
        self.write_scaffolding(path, data)
        self._add(file_of(path, data))

    def write_json(self, path: str, value: Any) -> None:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        try:
            data = text.encode()
        except UnicodeEncodeError as error:  # JSON can hold half a character, a file cannot
            raise BadInputError(
                f"{path} cannot be written: a text for it holds half a character"
            ) from error
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
        self._refuse_twice(path)
        with self._place.writer(path, size_hint) as target, ThreadPoolExecutor(1) as digester:
            file = HashingFile(target, digester)
            yield file
            self._stop_if_lost()
        size, found = file.tell(), file.hexdigest()
        self._add(File(path=path, bytes=size, digest=found, algorithm=ALGORITHM))

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
        """A file that helps a later attempt, and is no file of the artifact."""
        self._refuse_twice(path)
        self._stop_if_lost()
        self._place.write(path, data)

    def left(self, path: str) -> Iterator[Prefix]:
        """The places of other attempts that hold `path`, written whole, in no promised order.

        They may vanish at any time, with an artifact that another writer commits.
        """
        for attempt in self._left.get(path, ()):
            yield self.prefix / attempt

    @cached_property
    def _left(self) -> dict[str, list[str]]:
        """Path → the attempts that had it when this was first asked."""
        found: dict[str, list[str]] = {}
        for path, _ in self.prefix.list():
            attempt, _, rest = path.partition("/")
            if ATTEMPT.fullmatch(attempt) and attempt != self.attempt:
                found.setdefault(rest, []).append(attempt)
        return found

    def take(self, file: File, place: Prefix) -> bool:
        """Takes over a file of another attempt (`left`), if it is what `file` says.

        On a folder as a link, from a bucket as a copy: all of an artifact lies in one place.
        """
        if place.size(file.path) != file.bytes:
            return False
        with place.open(file.path) as reader:
            if self._place.link(file.path, place):
                same = digest_of_file(reader, file.algorithm) == file.digest
            else:
                with self.open(file.path, file.bytes) as target:
                    while piece := reader.read(PIECE_BYTES):
                        target.write(piece)
                same = self._files.pop(file.path) == file
        if same:
            self._add(file)
        else:
            self._place.delete(file.path)
        return same

    def beside(self, path: str, kind: str, attempt: str | None = None) -> "ArtifactWriter":
        """A writer for a lesser artifact of the same work, below this one's URI."""
        work = self.work.model_copy(update={"kind": kind})
        return ArtifactWriter(self.prefix / path, work, self._inputs, self._operation, attempt)

    @property
    def files(self) -> tuple[File, ...]:
        """What was written so far."""
        return tuple(self._files.values())

    def include(self, files: Iterable[File]) -> None:
        """What other processes wrote in this attempt is of the artifact, too."""
        for file in files:
            self._refuse_twice(file.path)
            self._add(file)

    def _add(self, file: File) -> None:
        self._files[file.path] = file

    def _refuse_twice(self, path: str) -> None:
        if path in self._files:
            raise KeyError(f"{path} was written before")

    def view(self) -> Artifact:
        """What was written so far, to read back and check before the commit."""
        return Artifact(self.prefix, self._manifest({}))

    def commit(self, statistics: Mapping[str, Any]) -> Artifact:
        """Creates the manifest, or returns the winner's artifact where another was faster.

        Raises LostRaceError where the winner's is of other work.
        """
        manifest = self._manifest(statistics)
        artifact = Artifact(self.prefix, manifest)
        text = manifest.recorded(self.uri).model_dump_json(indent=2) + "\n"
        try:
            artifact._check_sizes()
            created = self.prefix.create(MANIFEST, text.encode())
        except BadInputError:
            if not self.lost():
                raise
            created = False  # and the winner has tidied up
        if not created:
            self.abandon()
            artifact = Artifact.open(self.uri)
            if artifact.manifest.differences(self.work):
                raise LostRaceError
            log.warning("lost-race out=%s using the winner's artifact", self.uri)
        tidy(artifact)
        return artifact

    def _manifest(self, statistics: Mapping[str, Any]) -> Manifest:
        files = tuple(sorted(self._files.values(), key=lambda file: file.path))
        job, version = self.work.producer.split(" ")
        return Manifest(
            kind=self.work.kind,
            attempt=self.attempt,
            files=files,
            digest=digest(self.work.kind, files),
            inputs=self._inputs,
            settings=self.work.settings,
            operation=self._operation,
            producer=Producer(job=job, version=version, image=os.environ.get("PERENNIAL_IMAGE")),
            statistics=dict(statistics),
            created=datetime.now(UTC).replace(microsecond=0),
        )


def tidy(artifact: Artifact) -> None:
    """Deletes what attempts left beside a committed artifact's files: others' files, and
    scaffolding.
    """
    prefix, mine = artifact.prefix, artifact.manifest.attempt
    with contextlib.suppress(PerennialError):  # of no use any more, and in nobody's way
        paths = [path.partition("/") for path, _ in prefix.list()]
        attempts = {attempt for attempt, _, _ in paths} | prefix.folders()
        for attempt in filter(ATTEMPT.fullmatch, attempts - {mine}):
            prefix.clear(attempt)
        for attempt, _, path in paths:
            if attempt == mine and path not in artifact:
                prefix.delete(f"{attempt}/{path}")
        if prefix.folder is not None and mine:
            _remove_empty_folders(prefix.folder / mine)


def _remove_empty_folders(below: Path) -> None:
    for folder, _, _ in os.walk(below, topdown=False):
        with contextlib.suppress(OSError):  # there is something in it
            Path(folder).rmdir()
