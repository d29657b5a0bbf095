"""One file over HTTP, received by a thread of its own, so that no server holds the reader.

A time-out of a socket is for each piece that arrives: a byte a minute keeps it from ever passing,
be it of the file, of the answer's head, or of a redirect. Here the reader waits at a queue, and
what it waits for is measured: `PATIENCE_SECONDS` of waiting must bring so many bytes a second, or
it gives up. Time that the reader spends on what it got is not counted. The thread, which may be
held still, ends with the process.
"""

import contextlib
import time
from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from urllib.parse import urljoin

import requests

from jobs import libraries
from jobs.errors import TransientError

PATIENCE_SECONDS = 60.0
CONNECT_SECONDS, READ_SECONDS = 10.0, 2 * PATIENCE_SECONDS  # of each piece, for the thread
CHUNK_BYTES, MAX_CHUNKS = 64 * 2**10, 64
MAX_REDIRECTS, REDIRECTS = 10, (301, 302, 303, 307, 308)
MAX_REASON = 300
# Archives are stored compressed; a server must not wrap them a second time.
HEADERS = {"User-Agent": "perennial-crawl", "Accept-Encoding": "identity"}


class MissingError(TransientError):
    """The server answers that there is no such file (404)."""


class _Session(requests.Session):
    """Follows no redirect by itself, since it would read and unpack the whole body of each."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        return None


class Transfer:
    """The bytes of one file as they arrive; call it for the next, and close it."""

    def __init__(self, url: str, min_bytes_per_second: int, max_bytes: int) -> None:
        self._url, self._floor, self._max_bytes = url, min_bytes_per_second, max_bytes
        self._received = self._in_window = 0
        self._waited = 0.0
        self._chunks: Queue[bytes | Exception] = Queue(MAX_CHUNKS)
        self._closed = Event()
        Thread(target=self._receive, name=f"transfer {url}", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def __call__(self) -> bytes:
        """The next bytes, none at the end. Raises MissingError and TransientError."""
        chunk = self._next()
        if isinstance(chunk, MissingError):
            raise chunk
        if isinstance(chunk, Exception):
            raise TransientError(f"{self._url} cannot be read: {_reason(chunk)}") from chunk
        self._received += len(chunk)
        if self._received > self._max_bytes:
            raise TransientError(f"{self._url} is longer than {self._max_bytes} bytes")
        return chunk

    def _next(self) -> bytes | Exception:
        """What comes next, where it comes in time."""
        while True:
            started = time.monotonic()
            try:
                chunk = self._chunks.get(timeout=max(0.0, PATIENCE_SECONDS - self._waited))
            except Empty:
                chunk = None
            self._waited += time.monotonic() - started
            if isinstance(chunk, Exception):
                return chunk
            self._in_window += len(chunk or b"")
            if chunk is None or self._waited >= PATIENCE_SECONDS:
                self._next_window()
            if chunk is not None:
                return chunk

    def _next_window(self) -> None:
        if self._in_window < self._floor * PATIENCE_SECONDS:
            raise TransientError(
                f"{self._url} is too slow: {self._in_window} bytes in {PATIENCE_SECONDS:.0f} s, "
                f"expected {self._floor} a second (--min-bytes-per-second)"
            )
        self._in_window, self._waited = 0, 0.0

    def _receive(self) -> None:
        """The thread."""
        try:
            with _Session() as session, _opened(session, self._url) as response:
                while (chunk := response.raw.read1(CHUNK_BYTES)) and self._put(chunk):
                    pass
            self._put(b"")
        except Exception as error:  # noqa: BLE001  of whatever kind, the reader raises it
            self._put(error)

    def _put(self, item: bytes | Exception) -> bool:
        """Gives the reader an item when there is room; False where the reader has left."""
        while not self._closed.is_set():
            with contextlib.suppress(Full):
                self._chunks.put(item, timeout=1.0)
                return True
        return False


@contextlib.contextmanager
def _opened(session: requests.Session, url: str) -> Iterator[requests.Response]:
    for _ in range(MAX_REDIRECTS + 1):
        timeouts = (CONNECT_SECONDS, READ_SECONDS)
        with session.get(url, stream=True, headers=HEADERS, timeout=timeouts) as response:
            if response.status_code == requests.codes.ok:
                yield response
                return
            if response.status_code == requests.codes.not_found:
                raise MissingError(f"{url} is not there (404)")
            location = response.headers.get("Location")
            if response.status_code not in REDIRECTS or location is None:
                raise requests.HTTPError(f"the server answers {response.status_code}")
        url = urljoin(url, location)
    raise requests.TooManyRedirects(f"more than {MAX_REDIRECTS} redirects")


def _reason(error: BaseException) -> str:
    """The first cause that the system named; libraries wrap it in texts with memory addresses."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror[:MAX_REASON]
        cause = cause.__cause__ or cause.__context__
    return libraries.cause(error)[:MAX_REASON]
