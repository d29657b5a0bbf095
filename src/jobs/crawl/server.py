"""The CC-NEWS server, or a mirror of it, over HTTP: whole files, and archives as streams."""

import contextlib
import gzip
import logging
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, TypeVar, cast

import requests
import urllib3.exceptions

from jobs.errors import TransientError

ATTEMPTS = 3
CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
# Archives are stored compressed; a server must not wrap them a second time.
HEADERS = {"User-Agent": "perennial-crawl", "Accept-Encoding": "identity"}

log = logging.getLogger("crawl")

T = TypeVar("T")


class MissingError(TransientError):
    """The server answers that there is no such file (404)."""


@dataclass(frozen=True)
class Server:
    """Where the archives are, and how patiently it is asked."""

    address: str
    retry_seconds: float

    def url(self, path: str) -> str:
        return f"{self.address.rstrip('/')}/{path}"

    def unpacked(self, path: str) -> bytes:
        """A small gzip file, unpacked. Raises MissingError, TransientError after `ATTEMPTS`."""

        def attempt() -> bytes:
            with self.stream(path) as file:
                return file.read()

        return self.retrying(attempt)

    @contextlib.contextmanager
    def stream(self, path: str) -> Iterator[IO[bytes]]:
        """A gzip file as its unpacked bytes; one attempt.

        Whatever ends it early is an error: a short transfer (its length), a short or altered
        file (the end mark and checksum of each gzip member), a silent server (time-outs).
        """
        url = self.url(path)
        timeouts = (CONNECT_SECONDS, READ_SECONDS)
        with (
            _translated(url),
            requests.get(url, stream=True, headers=HEADERS, timeout=timeouts) as response,
        ):
            if response.status_code == requests.codes.not_found:
                raise MissingError(f"{url} is not there (404)")
            response.raise_for_status()
            with gzip.GzipFile(fileobj=response.raw, mode="rb") as file:
                yield cast("IO[bytes]", file)

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


@contextlib.contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TransientError(f"{url} is truncated or corrupt: {error}") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise TransientError(f"{url} cannot be read: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """The first cause that the system named; libraries wrap it in texts with memory addresses."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(error)
