"""What lies below one URI of a store, looked at and read.

An object of a remote store that was looked at before (listed, sized, read) is read only as it was
then, by its ETag: one that was written anew meanwhile is a TransientError, never half of each.
"""

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar, cast

import obstore
from obstore import exceptions
from obstore.store import LocalStore

from jobs.errors import BadInputError
from jobs.store.bucket import remote_store
from jobs.store.failures import OF_A_JOB, NotFoundError, Patience, missing, translated, tried
from jobs.store.files import RangedFile
from jobs.store.folder import OpenFiles, file_of, make_folder, refuse_odd, refuse_unwritable
from jobs.store.said import said
from jobs.store.uri import normal_uri

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta
    from obstore.store import ObjectStore

READ_BUFFER_BYTES = 8 * 2**20

T = TypeVar("T")


class ReadablePrefix:
    """The half of a `Prefix` that changes nothing."""

    def __init__(self, uri: str | Path, patience: Patience = OF_A_JOB) -> None:
        self.uri = normal_uri(str(uri))
        self._patience = patience

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.uri!r})"

    def __truediv__(self, path: str) -> Self:
        return type(self)(f"{self.uri}/{path.strip('/')}", self._patience)

    @cached_property
    def folder(self) -> Path | None:
        """The local folder that this prefix is, or None where it is remote."""
        return Path(self.uri) if self.uri.startswith("/") else None

    @cached_property
    def _store(self) -> "ObjectStore":
        try:
            if self.folder is not None:
                make_folder(self.folder)
                return LocalStore(self.folder)
            return remote_store(self.uri, self._patience)
        except (exceptions.BaseError, OSError, ValueError) as error:
            raise BadInputError(f"store {self.uri} cannot be opened: {said(error)}") from error

    @property
    def _exists(self) -> bool:
        return self.folder is None or self.folder.is_dir()

    def look(self) -> None:
        """Asks whether there is a store that may be used, without writing to it.

        Raises what its use would raise: BadInputError, or TransientError where a server fails.
        """
        if self.folder is not None:
            refuse_unwritable(self.folder)
        else:
            self._tried("", lambda: next(iter(obstore.list(self._store, chunk_size=1)), None))

    def size(self, path: str) -> int:
        """Bytes of one object. Raises NotFoundError."""
        return int(self._look(path)["size"])

    def version(self, path: str) -> str | None:
        """What changes whenever the object is written anew, or None where the store has none.

        Raises NotFoundError.
        """
        return self._look(path)["e_tag"]

    def exists(self, path: str) -> bool:
        try:
            self.size(path)
        except NotFoundError:
            return False
        return True

    def read(self, path: str, max_bytes: int | None = None) -> bytes:
        """One object, whole. Raises NotFoundError, and BadInputError where it is larger."""
        self._refuse_odd(path)
        with self._translated(path):
            answer = self._get(path)
            if max_bytes is not None and answer.meta["size"] > max_bytes:
                raise BadInputError(
                    f"{self.uri}/{path} has {answer.meta['size']} bytes, expected at most "
                    f"{max_bytes}; remove it"
                )
            return bytes(answer.bytes())

    def read_range(self, path: str, start: int, length: int) -> memoryview:
        """`length` bytes from `start`, as a read-only view without a copy.

        Raises NotFoundError, and BadInputError where the object ends before.
        """
        self._refuse_odd(path)
        if not length:
            return memoryview(b"")
        with self._translated(path):
            try:
                answer = self._get(path, range=(start, start + length))
                data = memoryview(answer.bytes())
            except (exceptions.PreconditionError, exceptions.NotFoundError):
                raise
            except exceptions.BaseError:
                # Some stores refuse a range beyond the end.
                if int(obstore.head(self._store, path)["size"]) < start + length:
                    raise self._ends_before(path, start + length) from None
                raise
        if len(data) != length:
            raise self._ends_before(path, start + length)
        return data

    def read_into(self, path: str, start: int, buffer: memoryview) -> None:
        """Fills `buffer` from `start`; any number of threads at once. Raises as `read_range`.

        Of a folder it is read without a copy or fresh memory, and a file read before is read as
        it was, also where another Prefix replaced it meanwhile.
        """
        buffer = buffer.cast("B")
        if self.folder is None:
            buffer[:] = self.read_range(path, start, len(buffer))
            return
        local = self._local(path)
        self._refuse_odd(path)
        with self._translated(path):
            count = self._open_files.read_into(local, start, buffer)
        if count != len(buffer):
            raise self._ends_before(path, start + len(buffer))

    def open(self, path: str, buffer_bytes: int = READ_BUFFER_BYTES) -> IO[bytes]:
        """A seekable file that reads by ranges of `buffer_bytes`."""
        # Of a folder the file is opened anew: what is there now, not what was read before.
        source = self if self.folder is None else type(self)(self.uri, self._patience)
        return io.BufferedReader(RangedFile(source, path), buffer_bytes)

    def download(self, path: str, to: Path) -> None:
        """Copies one object to a local file, by ranges."""
        to.parent.mkdir(parents=True, exist_ok=True)
        with self.open(path) as source, to.open("wb") as target:
            shutil.copyfileobj(source, target, READ_BUFFER_BYTES)

    def list(self) -> Iterator[tuple[str, int]]:
        """(path, bytes) of every object below this prefix, in no promised order."""
        if not self._exists:
            return
        found = self._tried(
            "", lambda: [entry for chunk in obstore.list(self._store) for entry in chunk]
        )
        if self.uri.startswith("s3://"):  # elsewhere a listing may write ETags otherwise
            self._seen = {entry["path"]: entry["e_tag"] for entry in found}
        for entry in found:
            yield str(entry["path"]), int(entry["size"])

    def inside(self, folder: str = "") -> tuple[dict[str, int], set[str]]:
        """What lies directly in `folder` of this prefix: files with their bytes, and folders.

        By path. Of a local one only regular files, also by links; of a remote one not the empty
        object by which some tools mark a folder.
        """
        if self.folder is not None:
            return self._inside_folder(folder)
        found = self._tried(
            folder, lambda: obstore.list_with_delimiter(self._store, folder or None)
        )
        objects = [entry for entry in found["objects"] if entry["path"] != folder]
        if self.uri.startswith("s3://"):
            self._seen |= {entry["path"]: entry["e_tag"] for entry in objects}
        files = {str(entry["path"]): int(entry["size"]) for entry in objects}
        return files, set(found["common_prefixes"])

    def _inside_folder(self, folder: str) -> tuple[dict[str, int], set[str]]:
        files, folders = dict[str, int](), set[str]()
        there = Path(self.uri) / folder
        with self._translated(folder):
            for path in there.iterdir() if there.is_dir() else ():
                name = f"{folder}/{path.name}" if folder else path.name
                if path.is_file():
                    files[name] = path.stat().st_size
                elif path.is_dir():
                    folders.add(name)
        return files, folders

    def folders(self) -> set[str]:
        """Of a local one what lies directly below, also what a listing leaves out: folders with
        nothing whole in them.
        """
        if self.folder is None or not self._exists:
            return set()
        with self._translated(""):
            return {path.name for path in self.folder.iterdir()}

    def _look(self, path: str) -> "ObjectMeta":
        """What the store says of one object; from here on it is read as it is now."""
        self._refuse_odd(path)
        with self._translated(path):
            found = obstore.head(self._store, path)
        self._seen[path] = found["e_tag"]
        return found

    def _get(self, path: str, **options: Any) -> "GetResult":
        """The answer to a request for one object, as it was seen before."""
        if self.folder is None and (seen := self._seen.get(path)):
            options["if_match"] = seen
        answer = obstore.get(self._store, path, options=cast("Any", options))
        self._seen.setdefault(path, answer.meta["e_tag"])
        return answer

    def _refuse_odd(self, path: str) -> None:
        """Raises NotFoundError; BadInputError for a pipe or device, which would never end."""
        if not self._exists:
            raise missing(self.uri, path)
        if self.folder is not None:
            refuse_odd(self._local(path))

    def _ends_before(self, path: str, end: int) -> BadInputError:
        return BadInputError(f"{self.uri}/{path} is truncated: expected at least {end} bytes")

    def _translated(self, path: str, writing: bool = False) -> AbstractContextManager[None]:
        return translated(self.uri, path, writing)

    def _tried(self, path: str, operation: Callable[[], T], writing: bool = False) -> T:
        return tried(self.uri, path, operation, writing, self._patience)

    def _local(self, path: str) -> Path:
        """The file that an object of a folder is."""
        assert self.folder is not None
        return file_of(self.folder, path)

    @cached_property
    def _seen(self) -> dict[str, str | None]:
        """ETags of a remote store's objects as they were first looked at."""
        return {}

    @cached_property
    def _open_files(self) -> OpenFiles:
        return OpenFiles()
