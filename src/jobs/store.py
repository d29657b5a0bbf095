"""Object storage behind one URI: ``s3://bucket/prefix``, ``gs://…``, ``az://…`` or a folder.

A thin layer over obstore. Included: reading, ranged reading, listing, streaming writes, and
create-if-absent (`Prefix.create`), the one primitive on which all concurrency rests. Not
included: update-if-unchanged, which folders do not have.

S3 credentials and region are found the boto3 way (environment, profiles, roles); the endpoint
of another S3 server is taken from ``AWS_ENDPOINT_URL``.
"""

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

import obstore
from obstore import exceptions
from obstore.store import LocalStore, from_url

from jobs.errors import BadInputError, TransientError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

REMOTE_SCHEMES = ("s3", "gs", "az")
READ_BUFFER_BYTES = 8 * 2**20
WRITE_BUFFER_BYTES = 8 * 2**20
RETRY: "RetryConfig" = {"max_retries": 8, "retry_timeout": timedelta(seconds=120)}


class NotFoundError(BadInputError):
    """There is no object at this path."""


class Prefix:
    """A place in a store: everything below one URI. Paths are relative to it, with ``/``.

    Nothing is contacted, nor a folder made, before the first read or write.
    """

    def __init__(self, uri: str | Path) -> None:
        self.uri = normal_uri(str(uri))

    def __repr__(self) -> str:
        return f"Prefix({self.uri!r})"

    def __truediv__(self, path: str) -> "Prefix":
        return Prefix(f"{self.uri}/{path.strip('/')}")

    @property
    def folder(self) -> Path | None:
        """The local folder that this prefix is, or None where it is remote."""
        return Path(self.uri) if self.uri.startswith("/") else None

    @cached_property
    def _store(self) -> "ObjectStore":
        try:
            if self.folder is not None:
                return LocalStore(self.folder, mkdir=True)
            if self.uri.startswith("s3://"):
                return _s3_store(self.uri)
            return from_url(self.uri, retry_config=RETRY)
        except (exceptions.BaseError, OSError, ValueError) as error:
            raise BadInputError(f"store {self.uri!r} cannot be opened: {error}") from error

    @property
    def _exists(self) -> bool:
        return self.folder is None or self.folder.is_dir()

    def _missing(self, path: str) -> NotFoundError:
        return NotFoundError(f"nothing at {self.uri}/{path}")

    @contextlib.contextmanager
    def _translated(self, path: str) -> Iterator[None]:
        """Turns the store library's errors into ours, each naming the object."""
        try:
            yield
        except (exceptions.NotFoundError, FileNotFoundError) as error:
            self._refuse_missing_bucket(error)
            raise self._missing(path) from error
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise BadInputError(
                f"no permission for {self.uri}/{path}; check the credentials ({_first(error)})"
            ) from error
        except exceptions.AlreadyExistsError:
            raise
        except exceptions.BaseError as error:
            self._refuse_missing_bucket(error)
            raise TransientError(f"store failed at {self.uri}/{path}: {_first(error)}") from error

    def _refuse_missing_bucket(self, error: BaseException) -> None:
        if any(said in str(error) for said in ("NoSuchBucket", "bucket does not exist")):
            raise BadInputError(
                f"there is no bucket for {self.uri}; create it, or correct the URI"
            ) from error

    def size(self, path: str) -> int:
        """Bytes of one object. Raises NotFoundError."""
        if not self._exists:
            raise self._missing(path)
        with self._translated(path):
            return int(obstore.head(self._store, path)["size"])

    def exists(self, path: str) -> bool:
        try:
            self.size(path)
        except NotFoundError:
            return False
        return True

    def read(self, path: str) -> bytes:
        """One object, whole. Raises NotFoundError."""
        if not self._exists:
            raise self._missing(path)
        with self._translated(path):
            return bytes(obstore.get(self._store, path).bytes())

    def read_range(self, path: str, start: int, length: int) -> memoryview:
        """`length` bytes from `start`, as a read-only view without a copy."""
        with self._translated(path):
            return memoryview(obstore.get_range(self._store, path, start=start, length=length))

    def open(self, path: str, buffer_bytes: int = READ_BUFFER_BYTES) -> IO[bytes]:
        """A seekable file that reads by ranges of `buffer_bytes`."""
        return io.BufferedReader(_RangedFile(self, path), buffer_bytes)

    def list(self) -> Iterator[tuple[str, int]]:
        """(path, bytes) of every object below this prefix, in no promised order."""
        if not self._exists:
            return
        with self._translated(""):
            for chunk in obstore.list(self._store):
                for entry in chunk:
                    yield str(entry["path"]), int(entry["size"])

    def write(self, path: str, data: bytes) -> None:
        """One object, whole, replacing what was there."""
        with self._translated(path):
            obstore.put(self._store, path, data)

    def create(self, path: str, data: bytes) -> bool:
        """Creates the object unless there is one: True for the one writer that made it."""
        try:
            with self._translated(path):
                obstore.put(self._store, path, data, mode="create")
        except exceptions.AlreadyExistsError:
            return False
        return True

    @contextlib.contextmanager
    def writer(self, path: str) -> Iterator[IO[bytes]]:
        """A file to stream into (multipart); the object appears when the block ends well."""
        with self._translated(path):
            writer = obstore.open_writer(self._store, path, buffer_size=WRITE_BUFFER_BYTES)
            yield cast("IO[bytes]", writer)
            writer.close()

    def delete(self, path: str) -> None:
        """Deletes one object, if it is there."""
        with contextlib.suppress(NotFoundError), self._translated(path):
            obstore.delete(self._store, path)

    def download(self, path: str, to: Path) -> None:
        """Copies one object to a local file, by ranges."""
        to.parent.mkdir(parents=True, exist_ok=True)
        with self.open(path) as source, to.open("wb") as target:
            shutil.copyfileobj(source, target, READ_BUFFER_BYTES)


class _RangedFile(io.RawIOBase):
    """Reads an object by ranges; wrapped in a BufferedReader by `Prefix.open`."""

    def __init__(self, prefix: Prefix, path: str) -> None:
        self._prefix, self._path = prefix, path
        self._size = prefix.size(path)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._size - self._position)
        if length <= 0:
            return 0
        buffer[:length] = self._prefix.read_range(self._path, self._position, length)
        self._position += length
        return length


def normal_uri(uri: str) -> str:
    """The one spelling of a URI: folders as absolute paths, no slash at the end.

    >>> normal_uri("s3://bucket/prefix/")
    's3://bucket/prefix'
    >>> normal_uri("file:///tmp/store")
    '/tmp/store'
    """
    scheme, separator, _ = uri.partition("://")
    if not separator:
        if not uri:
            raise BadInputError("an empty URI; give s3://bucket/prefix, file:///folder or a path")
        return _absolute(uri)
    if scheme == "file":
        return _absolute(unquote(urlsplit(uri).path))
    if scheme not in REMOTE_SCHEMES:
        raise BadInputError(
            f"URI {uri!r} has the unknown scheme {scheme!r}; use s3, gs, az, file or a plain path"
        )
    if not urlsplit(uri).netloc:
        raise BadInputError(f"URI {uri!r} names no bucket; expected {scheme}://bucket/prefix")
    return uri.rstrip("/")


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100  links are the user's names: not resolved


def _s3_store(uri: str) -> "ObjectStore":
    import boto3  # 0.3 s, and only S3 needs it
    from botocore.exceptions import BotoCoreError
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        session = boto3.Session()
        credentials = session.get_credentials()
    except BotoCoreError as error:
        raise BadInputError(f"AWS settings for {uri}: {error}") from error
    if credentials is None:
        raise BadInputError(
            f"no AWS credentials for {uri}; set a profile, a role or AWS_* variables"
        )
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    options: ClientConfig = {"timeout": timedelta(seconds=300)}
    config: dict[str, Any] = {
        "region": session.region_name or os.environ.get("AWS_REGION", "us-east-1")
    }
    if endpoint:
        config["endpoint"] = endpoint
        config["virtual_hosted_style_request"] = False
        options["allow_http"] = endpoint.startswith("http://")
    return from_url(
        uri,
        config=cast("Any", config),
        client_options=options,
        retry_config=RETRY,
        credential_provider=Boto3CredentialProvider(session),
    )


def _first(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
