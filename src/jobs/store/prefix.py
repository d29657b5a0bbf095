"""Object storage behind one URI: ``s3://bucket/prefix``, ``gs://…``, ``az://…`` or a folder.

A thin layer over obstore. Included: reading (`jobs.store.reading`), ranged reading, listing,
streaming writes, and create-if-absent (`Prefix.create`), the one primitive on which all
concurrency rests. Not included: update-if-unchanged, which folders do not have.

A remote store fails now and then. obstore repeats what it may (`RETRY`); three requests it never
does, and they are repeated here (`tried`): create, a listing, a delete. What fails for good is a
TransientError, never taken for a missing object.

S3 credentials and region are found the boto3 way (environment, profiles, roles); the endpoint
of another S3 server is taken from ``AWS_ENDPOINT_URL``.
"""

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from typing import IO, cast

import obstore
from obstore import exceptions

from jobs.errors import BadInputError
from jobs.store.bucket import MultipartUpload
from jobs.store.failures import NotFoundError
from jobs.store.files import Upload, WrittenFile
from jobs.store.folder import StagedFile, link, make_folder
from jobs.store.reading import ReadablePrefix

PROBE_BYTES = 2**16


class Prefix(ReadablePrefix):
    """A place in a store: everything below one URI. Paths are relative to it, with ``/``.

    Nothing is contacted, nor a folder made, before the first read or write.
    """

    def probe(self) -> None:
        """Writes an object and deletes it. Raises BadInputError where either cannot be done.

        Also of a server that creates what is there already: it would not keep two writers apart.
        """
        path = f"probe-{secrets.token_hex(8)}"
        self.write(path, bytes(PROBE_BYTES))
        is_made_twice = self.create(path, b"another")
        self.delete(path)
        if is_made_twice:
            raise BadInputError(
                f"the server of {self.uri} creates an object though it is there, so does not "
                "honour If-None-Match: *, which keeps two writers apart; use one that does"
            )

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
