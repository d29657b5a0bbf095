"""Where a model comes from: a folder, or the hub at a pinned commit."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from jobs.errors import BadInputError
from jobs.hub import hub_errors
from jobs.ingest.inside import names_in, open_inside
from jobs.store.folder import is_folder
from jobs.words import shown

REPOSITORY = r"[A-Za-z0-9_][\w.-]*/[\w.-]+"
REVISION = r"[\w./+@-]+"


class Source(Protocol):
    """Names of the files there are, and each to read from while it is copied."""

    commit: str | None

    def names(self) -> list[str]: ...

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]: ...


def open_source(where: str, revision: str | None) -> Source:
    """The source that `where` names. Raises BadInputError where there is none."""
    if is_folder(where):
        if revision is not None:
            raise BadInputError(
                f"--revision {shown(revision)[1:-1]} goes with a hub id, and {where} is a folder"
            )
        return FolderSource(Path(where))
    if not re.fullmatch(REPOSITORY, where, re.ASCII):
        raise BadInputError(f"--from {shown(where)} is neither a folder nor a hub id (owner/name)")
    if revision is not None and not re.fullmatch(REVISION, revision, re.ASCII):
        raise BadInputError(
            f"--revision {shown(revision)} is wrong: expected a commit, branch or tag"
        )
    return HubSource(where, revision)


class FolderSource:
    """A model in a local folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.commit: str | None = None

    def names(self) -> list[str]:
        return names_in(self._folder)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        with open_inside(self._folder, name) as file:
            yield file


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
