"""Where a model comes from: a folder, a bucket, an artifact in either, or the hub at one commit."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from jobs.artifacts.manifest import MANIFEST, File
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError, TransientError
from jobs.hub import REPOSITORY, hub_errors
from jobs.ingest.inside import names_in, open_inside, refuse_pointer
from jobs.kinds.model import CHAT_TEMPLATES, CONFIG
from jobs.store.prefix import Prefix
from jobs.store.source import neither, place_of
from jobs.words import shown

REVISION = r"[\w./+@-]+"


class Source(Protocol):
    """Names of the files there are, and each to read from while it is copied."""

    commit: str | None
    """The hub's; whatever lies elsewhere is known by its files' digests alone."""

    def names(self) -> list[str]: ...

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]: ...

    def expected(self, name: str) -> File | None:
        """What its source says that a file holds, where it does."""


def open_source(where: str, revision: str | None) -> Source:
    """The source that `where` names. Raises BadInputError where there is none."""
    place = place_of(where)
    if place is not None:
        if revision is not None:
            raise BadInputError(
                f"--revision {shown(revision)[1:-1]} goes with a hub id, and {where} is none; "
                "leave it out"
            )
        return open_place(place)
    if not REPOSITORY.fullmatch(where):
        raise BadInputError(f"--from {neither(where)}")
    if revision is not None and not re.fullmatch(REVISION, revision, re.ASCII):
        raise BadInputError(
            f"--revision {shown(revision)} is wrong: expected a commit, branch or tag"
        )
    return HubSource(where, revision)


def open_place(place: str) -> Source:
    """The files of a folder, or below a bucket's URI; those of the artifact that lies there."""
    source = _files_at(Prefix(place))
    names = source.names()
    if CONFIG in names or MANIFEST not in names:
        return source
    artifact = Artifact.open(place, "model")
    return ArtifactSource(artifact, _files_at(artifact.place))


def _files_at(place: Prefix) -> Source:
    return BucketSource(place) if place.folder is None else FolderSource(place.folder)


class FolderSource:
    """A model in a local folder."""

    commit: str | None = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        return names_in(self._folder)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        with open_inside(self._folder, name) as file:
            yield file

    def expected(self, name: str) -> None:
        """Nothing: what lies there is the model."""


class BucketSource:
    """A model below a URI."""

    commit: str | None = None

    def __init__(self, place: Prefix) -> None:
        self._place = place
        self._versions: dict[str, str | None] = {}

    def names(self) -> list[str]:
        files, folders = self._place.inside()
        if CHAT_TEMPLATES in folders:
            files |= self._place.inside(CHAT_TEMPLATES)[0]
        return list(files)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Raises TransientError where it is another file than when it was first opened."""
        version = self._place.version(name)
        if self._versions.setdefault(name, version) != version:
            raise TransientError(
                f"{self._place.uri}/{name} was changed while it was read; try again when it is "
                "whole"
            )
        with self._place.open(name) as file:
            refuse_pointer(file, f"{self._place.uri}/{name}")
            yield file

    def expected(self, name: str) -> None:
        """Nothing: what lies there is the model."""


class ArtifactSource:
    """The model that an artifact is, of whatever store, whose manifest says what each file holds.

    Its files are opened as those of any folder or bucket.
    """

    commit: str | None = None

    def __init__(self, artifact: Artifact, files: Source) -> None:
        self._artifact, self._files = artifact, files

    def names(self) -> list[str]:
        return self._artifact.paths

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        with self._files.open(name) as file:
            yield file

    def expected(self, name: str) -> File | None:
        return self._artifact.file(name)


class HubSource:
    """A model on the hub. The revision is resolved to its commit once, then that is read."""

    def __init__(self, repository: str, revision: str | None) -> None:
        from huggingface_hub import HfApi

        self._repository = repository
        with hub_errors("model", repository, revision):
            info = HfApi().model_info(repository, revision=revision)
        self.commit = info.sha
        self._names = [sibling.rfilename for sibling in info.siblings or []]

    def names(self) -> list[str]:
        return self._names

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Downloads one file at a time, so that the disk holds no more than one."""
        from huggingface_hub import hf_hub_download

        with tempfile.TemporaryDirectory() as scratch:
            with hub_errors("model", self._repository, self.commit):
                path = hf_hub_download(
                    self._repository, name, revision=self.commit, local_dir=scratch
                )
            with Path(path).open("rb") as file:
                yield file

    def expected(self, name: str) -> None:
        """Nothing: the commit says what is in it."""
