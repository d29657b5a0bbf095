"""Where data sets come from: a folder or bucket that mirrors them as JSON lines, or the hub."""

import io
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa

from jobs.artifacts.hashing import digest_of_path
from jobs.errors import BadInputError
from jobs.hub import hub_errors
from jobs.kinds.parquet import ParquetFile
from jobs.store.failures import NotFoundError
from jobs.store.prefix import Prefix
from jobs.suites import Suite
from jobs.suites.sealed import DataSet
from jobs.words import shown


class Source(Protocol):
    """Data sets by their path on the hub, split by split."""

    def revision(self, path: str) -> str | None: ...

    def read(self, data: DataSet, split: str) -> pa.Table: ...


def open_source(mirror: Prefix | None, scratch: Path) -> Source:
    """The mirror, or the hub with its downloads in `scratch`."""
    return HubSource(scratch) if mirror is None else MirrorSource(mirror)


class MirrorSource:
    """A mirror: ``<data set's path>/[<config>/]<split>.jsonl``, one object a line."""

    def __init__(self, place: Prefix) -> None:
        self._place = place

    def revision(self, path: str) -> None:  # noqa: ARG002  a mirror has no revisions
        return None

    def read(self, data: DataSet, split: str) -> pa.Table:
        path = data.file(split, "jsonl")
        try:
            found = self._place.read(path)
        except NotFoundError as error:
            raise BadInputError(
                f"no data set {path} below {self._place.uri}; put it there, or give another "
                "--from (eval_data in the fleet file)"
            ) from error
        return _table(io.BytesIO(found), f"{self._place.uri}/{path}")


def _table(file: IO[bytes], where: str) -> pa.Table:
    """The rows of a file of JSON lines."""
    rows = list(_read_json_lines(file, where))
    columns = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        try:
            columns[name] = pa.array([row.get(name) for row in rows])
        except (pa.ArrowException, OverflowError) as error:
            raise BadInputError(
                f"{where} mixes types in one column: {shown(name)}; give it one type in all lines"
            ) from error
    return pa.table(columns)


class WithOwnFiles:
    """Another source, before which come the files that a suite's own tasks name."""

    def __init__(self, source: Source, suite: Suite) -> None:
        self._source = source
        tasks = (task.own for task in suite.tasks if task.own)
        self._own = {task.data_path: task.data_files for task in tasks if task.data_files}

    def revision(self, path: str) -> str | None:
        return None if path in self._own else self._source.revision(path)

    def read(self, data: DataSet, split: str) -> pa.Table:
        if data.path not in self._own:
            return self._source.read(data, split)
        file = self._own[data.path][split]
        path = Path(file.path or "")
        if not file.path or not path.is_file():
            raise BadInputError(
                f"the items of {data.path} ({split}) lie on the machine of the suite's file: seal "
                "it there, with python -m jobs.bundle --suite FILE and this --out"
            )
        if digest_of_path(path, "sha256") != file.sha256:
            raise BadInputError(f"{path} was changed while this ran; run the same command again")
        if file.suffix == "parquet":
            return ParquetFile.held(str(path), path.read_bytes()).table()
        with path.open("rb") as lines:
            return _table(lines, str(path))


def _read_json_lines(file: IO[bytes], where: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, start=1):
        try:
            row = json.loads(line.decode())
        except ValueError as error:
            raise BadInputError(f"{where}, line {number}: not JSON; correct it") from error
        if not isinstance(row, dict):
            raise BadInputError(f"{where}, line {number}: expected an object")
        yield row


class HubSource:
    """The hub, each data set at the commit that it had when first asked for; no code is run."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self.revision = cache(self._revision)

    def _revision(self, path: str) -> str | None:
        from huggingface_hub import HfApi

        with hub_errors("data set", path):
            commit: str | None = HfApi().dataset_info(path).sha
        return commit

    def read(self, data: DataSet, split: str) -> pa.Table:
        from datasets import load_dataset
        from datasets.exceptions import DatasetNotFoundError

        with hub_errors("data set", data.path, missing=(DatasetNotFoundError,)):
            found = load_dataset(
                data.path, data.config, split=split, revision=data.revision,
                cache_dir=str(self._scratch), trust_remote_code=False,
            )  # fmt: skip
        # The schema of the features keeps the names of classes in the Parquet file's metadata.
        return found.data.table.cast(found.features.arrow_schema)
