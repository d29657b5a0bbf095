"""The CC-NEWS server, or a mirror of it, over HTTP: lists whole, and archives as they arrive."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from jobs.crawl.transfer import MissingError, Transfer
from jobs.crawl.warc import BrokenArchiveError, members
from jobs.errors import TransientError

ATTEMPTS = 3
MAX_LIST_BYTES = 16 * 2**20  # a month's list of archives is about 40 KB
MAX_ARCHIVE_BYTES = 16 * 2**30  # an archive is about 1 GiB

log = logging.getLogger("crawl")

T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    """Where the archives are, and how patiently it is asked."""

    address: str
    retry_seconds: float
    min_bytes_per_second: int = 1

    def url(self, path: str) -> str:
        return f"{self.address.rstrip('/')}/{path}"

    def unpacked(self, path: str) -> bytes:
        """A gzip file of at most `MAX_LIST_BYTES`, unpacked.

        Raises MissingError, TransientError after `ATTEMPTS`.
        """

        def attempt() -> bytes:
            with self.stream(path, MAX_LIST_BYTES) as packed:
                try:
                    return b"".join(b"".join(item) for item in members(packed, MAX_LIST_BYTES))
                except BrokenArchiveError as error:
                    raise TransientError(f"{self.url(path)} cannot be unpacked: {error}") from error

        return self.retrying(attempt)

    @contextlib.contextmanager
    def stream(
        self, path: str, max_bytes: int = MAX_ARCHIVE_BYTES
    ) -> Iterator[Callable[[], bytes]]:
        """A function that gives the next bytes of a file, none at its end; one attempt.

        A short transfer, a silent or slow server and a file longer than `max_bytes` raise
        TransientError.
        """
        transfer = Transfer(self.url(path), self.min_bytes_per_second, max_bytes)
        try:
            yield transfer
        finally:
            transfer.close()

    def retrying(self, attempt: Callable[[], T]) -> T:
        """The result of `attempt`, tried up to `ATTEMPTS` times; a missing file only once."""
        for number in range(1, ATTEMPTS):
            try:
                return attempt()
            except MissingError:
                raise
            except TransientError as error:
                wait = self.retry_seconds * 2 ** (number - 1)
                log.warning("retry attempt=%d wait=%.0fs %s", number, wait, error)
                time.sleep(wait)
        return attempt()
