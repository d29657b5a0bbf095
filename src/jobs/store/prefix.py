"""Object storage behind one URI: ``s3://bucket/prefix``, ``gs://…``, ``az://…`` or a folder.

A thin layer over obstore. Included: reading, ranged reading, listing, streaming writes, and
create-if-absent (`Prefix.create`), the one primitive on which all concurrency rests. Not
included: update-if-unchanged, which folders do not have.

An object of a remote store that was looked at before (listed, sized, read) is read only as it was
then, by its ETag: one that was written anew meanwhile is a TransientError, never half of each.

A remote store fails now and then. obstore repeats what it may (`RETRY`); three requests it never
does, and they are repeated here (`tried`): create, a listing, a delete. What fails for good is a
TransientError, never taken for a missing object.

S3 credentials and region are found the boto3 way (environment, profiles, roles); the endpoint
of another S3 server is taken from ``AWS_ENDPOINT_URL``.
"""

import contextlib
import io
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

import obstore
from obstore import exceptions
from obstore.store import LocalStore

from jobs.errors import BadInputError
from jobs.store.bucket import MultipartUpload, remote_store
from jobs.store.failures import (
    OF_A_JOB,
    NotFoundError,
    Patience,
    missing,
    translated,
    tried,
)
from jobs.store.files import RangedFile, Upload, WrittenFile
from jobs.store.folder import (
    OpenFiles,
    StagedFile,
    file_of,
    link,
    make_folder,
    refuse_odd,
    refuse_unwritable,
)
from jobs.store.said import said
from jobs.store.uri import normal_uri

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta
    from obstore.store import ObjectStore

READ_BUFFER_BYTES = 8 * 2**20
PROBE_BYTES = 2**16

T = TypeVar("T")


class Prefix:
    """A place in a store: everything below one URI. Paths are relative to it, with ``/``.

    Nothing is contacted, nor a folder made, before the first read or write.
    """

    def __init__(self, uri: str | Path, patience: Patience = OF_A_JOB) -> None:
        self.uri = normal_uri(str(uri))
        self._patience = patience

    def __repr__(self) -> str:
        return f"Prefix({self.uri!r})"

    def __truediv__(self, path: str) -> "Prefix":
        return Prefix(f"{self.uri}/{path.strip('/')}", self._patience)

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

    def _translated(self, path: str, writing: bool = False) -> AbstractContextManager[None]:
        return translated(self.uri, path, writing)

    def _tried(self, path: str, operation: Callable[[], T], writing: bool = False) -> T:
        return tried(self.uri, path, operation, writing, self._patience)

    def _local(self, path: str) -> Path:
        """The file that an object of a folder is."""
        assert self.folder is not None
        return file_of(self.folder, path)

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

    def look(self) -> None:
        """Asks whether there is a store that may be used, without writing to it.

        Raises what its use would raise: BadInputError, or TransientError where a server fails.
        """
        if self.folder is not None:
            refuse_unwritable(self.folder)
        else:
            self._tried("", lambda: next(iter(obstore.list(self._store, chunk_size=1)), None))

    def probe(self) -> None:
        """Writes an object and deletes it. Raises BadInputError where either cannot be done."""
        path = f"probe-{secrets.token_hex(8)}"
        self.write(path, bytes(PROBE_BYTES))
        self.delete(path)

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

    def _ends_before(self, path: str, end: int) -> BadInputError:
        return BadInputError(f"{self.uri}/{path} is truncated: expected at least {end} bytes")

    def open(self, path: str, buffer_bytes: int = READ_BUFFER_BYTES) -> IO[bytes]:
        """A seekable file that reads by ranges of `buffer_bytes`."""
        # Of a folder the file is opened anew: what is there now, not what was read before.
        source = self if self.folder is None else Prefix(self.uri, self._patience)
        return io.BufferedReader(RangedFile(source, path), buffer_bytes)

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

    def write(self, path: str, data: bytes) -> None:
        """One object, whole, replacing what was there."""
        with self._translated(path, writing=True):
            obstore.put(self._store, path, data)
        self._forget(path)

    def create(self, path: str, data: bytes) -> bool:
        """Creates the object unless there is one: True for the one writer that made it.

        A remote store's answer may be lost and the attempt repeated, which then meets its own
        object: it counts as made where it holds just these bytes.
        """
        self._forget(path)

        def put() -> bool:
            try:
                obstore.put(self._store, path, data, mode="create")
            except exceptions.AlreadyExistsError:
                if self.folder is not None:
                    return False
                # Where nothing is there now, the conflict was another: tried again.
                return bytes(obstore.get(self._store, path).bytes()) == data
            return True

        return self._tried(path, put, writing=True)

    @contextlib.contextmanager
    def writer(self, path: str, size_hint: int | None = None) -> Iterator[IO[bytes]]:
        """A file to stream into; the object appears, whole, when the block ends well.

        `size_hint`, about the bytes to come, is needed above 83 GB (`MultipartUpload`). What
        the block raises passes through, and no object appears.
        """
        with self._translated(path, writing=True):
            upload = self._upload(path, size_hint or 0)

        def take(data: memoryview) -> None:
            with self._translated(path, writing=True):
                upload.write(data)

        try:
            yield cast("IO[bytes]", WrittenFile(take))
            with self._translated(path, writing=True):
                upload.finish()
        except BaseException:
            upload.abandon()
            raise
        self._forget(path)

    def _upload(self, path: str, size: int) -> Upload:
        if self.folder is not None:
            local = self._local(path)
            if not self._exists:
                make_folder(self.folder)
            return StagedFile(local)
        return MultipartUpload(self._store, self.uri, path, size)

    @cached_property
    def _seen(self) -> dict[str, str | None]:
        """ETags of a remote store's objects as they were first looked at."""
        return {}

    @cached_property
    def _open_files(self) -> OpenFiles:
        return OpenFiles()

    def delete(self, path: str) -> None:
        """Deletes one object, if it is there."""
        with contextlib.suppress(NotFoundError):
            self._tried(path, lambda: obstore.delete(self._store, path))
        self._forget(path)

    def link(self, path: str, other: "Prefix") -> bool:
        """Makes the file at `path` of `other` one of this folder's too, where both are local.

        False where that cannot be: the file is to be copied.
        """
        if self.folder is None or other.folder is None:
            return False
        with self._translated(path, writing=True):
            return link(self._local(path), other._local(path))

    def clear(self, folder: str) -> None:
        """Deletes everything below `folder`, of a local one also what writers left half done."""
        if self.folder is not None:
            with self._translated(folder, writing=True):
                shutil.rmtree(self._local(folder), ignore_errors=True)
        else:
            paths = [f"{folder}/{path}" for path, _ in (self / folder).list()]
            if paths:
                self._tried(folder, lambda: obstore.delete(self._store, paths))
        self._seen.clear()
        self._open_files.forget()

    def _forget(self, path: str) -> None:
        self._seen.pop(path, None)
        self._open_files.forget()

    def download(self, path: str, to: Path) -> None:
        """Copies one object to a local file, by ranges."""
        to.parent.mkdir(parents=True, exist_ok=True)
        with self.open(path) as source, to.open("wb") as target:
            shutil.copyfileobj(source, target, READ_BUFFER_BYTES)
