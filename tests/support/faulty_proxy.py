"""A proxy that fails: it stands before a real S3 server and spoils a share of the requests.

It speaks HTTP to both sides and leaves the Host header as it came, which the signatures cover.
What is spoiled, and how, comes from a seeded generator (`at_random`) or from the test itself.
"""

import http.client
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Fault(Enum):
    """What may happen to a request."""

    INTERNAL_ERROR = "500 instead of an answer"
    SLOW_DOWN = "503 instead of an answer"
    RESET = "the connection is reset, the request never reaches the server"
    LOST_ANSWER = "the request is performed, then the connection is reset"
    LATE_ERROR = "the request is performed, then answered 500"
    TRUNCATED = "the request is performed, half of its answer arrives"
    NOT_FOUND = "404 of a proxy instead of an answer"
    FORBIDDEN = "403 instead of an answer"
    UNCONDITIONAL = "the request is performed without its If-None-Match"
    CONFLICT = "409 instead of an answer, as S3 gives where two conditional writes meet"


FAILURES = tuple(Fault)[:6]
"""What any store does now and then; the other faults have a meaning of their own."""
_ANSWERS = {
    Fault.INTERNAL_ERROR: (500, "InternalError", "We encountered an internal error. Try again."),
    Fault.LATE_ERROR: (500, "InternalError", "We encountered an internal error. Try again."),
    Fault.SLOW_DOWN: (503, "SlowDown", "Please reduce your request rate."),
    Fault.NOT_FOUND: (404, "NoSuchRoute", "The proxy does not know this address."),
    Fault.FORBIDDEN: (403, "AccessDenied", "Access Denied"),
    Fault.CONFLICT: (409, "ConditionalRequestConflict", "A conflicting operation occurred."),
}
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Choose = Callable[[str, str], Fault | None]
"""(method, path with query) → what to do to this request."""


def at_random(share: float, seed: int, faults: Sequence[Fault] = FAILURES) -> Choose:
    """Spoils this share of the requests, each in one of these ways."""
    generator, lock = random.Random(seed), threading.Lock()

    def choose(_method: str, _path: str) -> Fault | None:
        with lock:
            return generator.choice(faults) if generator.random() < share else None

    return choose


def first(method: str, part: str, *faults: Fault | None) -> Choose:
    """These faults, one each, for the first requests of that method whose path has that part."""
    left, lock = list(faults), threading.Lock()

    def choose(called: str, path: str) -> Fault | None:
        with lock:
            return left.pop(0) if left and called == method and part in path else None

    return choose


class FaultyProxy(ThreadingHTTPServer):
    """Serves while its block lasts; `url` is its address."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, endpoint: str, choose: Choose) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(endpoint).netloc
        self.choose = choose
        self.done: Counter[Fault | None] = Counter()
        """How many requests met which fault; None counts those let through."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.shutdown()
        super().__exit__(kind, error, where)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away in the middle (killed jobs) are no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FaultyProxy

    def _serve(self) -> None:
        fault = self.server.choose(self.command, self.path)
        self.server.done[fault] += 1
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if fault is Fault.RESET:
            self._reset()
        elif fault in _ANSWERS and fault is not Fault.LATE_ERROR:
            self._fail(fault)
        else:
            if fault is Fault.UNCONDITIONAL:
                del self.headers["If-None-Match"]
            self._answer(fault, *self._perform(data))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815  http.server's names

    def _answer(
        self, fault: Fault | None, status: int, headers: list[tuple[str, str]], body: bytes
    ) -> None:
        if fault is Fault.LOST_ANSWER:
            self._reset()
        elif fault is Fault.LATE_ERROR:
            self._fail(fault)
        else:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            if fault is Fault.TRUNCATED:
                self._truncate(body)
            else:
                self.end_headers()
                self.wfile.write(body)

    def _perform(self, data: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
            upstream.request(self.command, self.path, data, headers)
            answer = upstream.getresponse()
            body = answer.read()
        finally:
            upstream.close()
        dropped = ["connection", "transfer-encoding"]
        kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in dropped]
        if not any(name.lower() == "content-length" for name, _ in kept):
            kept.append(("Content-Length", str(len(body))))
        return answer.status, kept, body

    def _fail(self, fault: Fault) -> None:
        status, code, said = _ANSWERS[fault]
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
        body = f"{text}<Message>{said}</Message></Error>".encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _truncate(self, body: bytes) -> None:
        """Half of the body, or of the headers where there is no body; then the end."""
        if body:
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
        else:
            sent = b"".join(self._headers_buffer)  # type: ignore[attr-defined]
            self.wfile.write(sent[: len(sent) // 2])
        self.close_connection = True

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.rfile.close()
        self.connection.close()

    def finish(self) -> None:
        if self.connection.fileno() >= 0:
            super().finish()

    def log_message(self, *_: object) -> None:
        """Silent: failing is its trade."""
