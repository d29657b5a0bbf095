"""Where a model comes from: a folder, or the hub at a pinned commit."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from jobs.errors import BadInputError, TransientError


class Source(Protocol):
    """Names of the files there are, and each as a local file while it is copied."""

    commit: str | None

    def names(self) -> list[str]: ...

    @contextmanager
    def file(self, name: str) -> Iterator[Path]: ...


def open_source(where: str, revision: str | None) -> Source:
    """The source that `where` names. Raises BadInputError where there is none."""
    folder = Path(where)
    if folder.is_dir():
        if revision is not None:
            raise BadInputError(
                f"--revision {revision} goes with a hub id, and {where} is a folder"
            )
        return FolderSource(folder)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", where) or where.startswith("."):
        raise BadInputError(f"--from {where!r} is neither a folder nor a hub id (owner/name)")
    return HubSource(where, revision)


class FolderSource:
    """A model in a local folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.commit: str | None = None

    def names(self) -> list[str]:
        return [path.name for path in self._folder.iterdir() if path.is_file()]

    @contextmanager
    def file(self, name: str) -> Iterator[Path]:
        yield self._folder / name


class HubSource:
    """A model on the hub. The revision is resolved to its commit once, then that is read."""

    def __init__(self, repository: str, revision: str | None) -> None:
        from huggingface_hub import HfApi

        self._repository = repository
        with _hub_errors(repository, revision):
            info = HfApi().model_info(repository, revision=revision)
        self.commit = info.sha
        self._names = [sibling.rfilename for sibling in info.siblings or []]

    def names(self) -> list[str]:
        return self._names

    @contextmanager
    def file(self, name: str) -> Iterator[Path]:
        """Downloads one file at a time, so that the disk holds no more than one."""
        from huggingface_hub import hf_hub_download

        with tempfile.TemporaryDirectory() as scratch:
            with _hub_errors(self._repository, self.commit):
                path = hf_hub_download(
                    self._repository, name, revision=self.commit, local_dir=scratch
                )
            yield Path(path)


@contextmanager
def _hub_errors(repository: str, revision: str | None) -> Iterator[None]:
    import httpx2
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except GatedRepoError as error:
        raise BadInputError(
            f"{repository} is gated: accept its licence on the hub and set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise BadInputError(
            f"the hub has no model {repository}, or it is private and HF_TOKEN is not set"
        ) from error
    except HFValidationError as error:
        raise BadInputError(f"{repository!r} is no hub id: {error}") from error
    except RevisionNotFoundError as error:
        raise BadInputError(f"{repository} has no revision {revision!r}") from error
    except (HfHubHTTPError, httpx2.HTTPError, OSError) as error:
        raise TransientError(f"the hub failed for {repository}: {error}") from error
