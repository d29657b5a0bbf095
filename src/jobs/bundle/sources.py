"""Where data sets come from: a folder that mirrors them as JSON lines, or the hub."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from jobs.errors import BadInputError, TransientError
from jobs.suites.sealed import DataSet


class Source(Protocol):
    """Data sets by their path on the hub, split by split."""

    def revision(self, path: str) -> str | None: ...

    def read(self, data: DataSet, split: str) -> pa.Table: ...


def open_source(folder: str | None, scratch: Path) -> Source:
    """The folder, or the hub with its downloads in `scratch`."""
    if folder is None:
        return HubSource(scratch)
    if not Path(folder).is_dir():
        raise BadInputError(f"--from {folder!r} is not a folder")
    return FolderSource(Path(folder))


class FolderSource:
    """A mirror: ``<data set's path>/[<config>/]<split>.jsonl``, one object a line."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def revision(self, path: str) -> None:  # noqa: ARG002  a folder has no revisions
        return None

    def read(self, data: DataSet, split: str) -> pa.Table:
        file = self._folder / data.file(split, "jsonl")
        if not file.is_file():
            raise BadInputError(f"no data set {data.file(split, 'jsonl')} below {self._folder}")
        rows = list(_read_json_lines(file))
        names = dict.fromkeys(name for row in rows for name in row)
        try:
            return pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise BadInputError(f"{file} mixes types in one column: {error}") from error


def _read_json_lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise BadInputError(f"{file}, line {number}: not JSON ({error})") from error
            if not isinstance(row, dict):
                raise BadInputError(f"{file}, line {number}: expected an object")
            yield row


class HubSource:
    """The hub, each data set at the commit that it had when first asked for; no code is run."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self.revision = cache(self._revision)

    def _revision(self, path: str) -> str | None:
        from huggingface_hub import HfApi

        with _hub_errors(path):
            commit: str | None = HfApi().dataset_info(path).sha
        return commit

    def read(self, data: DataSet, split: str) -> pa.Table:
        from datasets import load_dataset

        with _hub_errors(data.path):
            found = load_dataset(
                data.path, data.config, split=split, revision=data.revision,
                cache_dir=str(self._scratch),
            )  # fmt: skip
        # The schema of the features keeps the names of classes in the Parquet file's metadata.
        return found.data.table.cast(found.features.arrow_schema)


@contextmanager
def _hub_errors(path: str) -> Iterator[None]:
    import httpx2
    from datasets.exceptions import DatasetNotFoundError
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        yield
    except GatedRepoError as error:
        raise BadInputError(
            f"data set {path} is gated: accept its terms on the hub and set HF_TOKEN"
        ) from error
    except (RepositoryNotFoundError, DatasetNotFoundError) as error:
        raise BadInputError(
            f"the hub has no data set {path}, or it is private and HF_TOKEN is not set"
        ) from error
    except ValueError as error:
        raise BadInputError(f"data set {path} cannot be read: {error}") from error
    except (OSError, httpx2.HTTPError) as error:
        raise TransientError(f"the hub failed for data set {path}: {error}") from error
