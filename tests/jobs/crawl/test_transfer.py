"""A server that is slow, silent, endless or sends what unpacks to too much holds no crawl."""

import gzip
import itertools
import resource
import socket
import time
import zlib
from collections.abc import Callable, Iterable

import pytest

from jobs.crawl import server as crawl_server
from jobs.crawl import transfer
from jobs.crawl.archives import Archive, Period, capture_window, list_archives
from jobs.crawl.server import Server
from jobs.crawl.transfer import MissingError, Transfer
from jobs.errors import BadInputError, TransientError
from tests.support.ccnews_server import archive_path
from tests.support.odd_records import repeated
from tests.support.raw_server import Answer, head, serve_raw

FLOOR = 10_000
PATIENCE = 0.4
LIST = "crawl-data/CC-NEWS/2024/04/warc.paths.gz"


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PATIENCE_SECONDS", PATIENCE)


def fetch(address: str, path: str = "file", max_bytes: int = 2**20) -> bytes:
    received = Transfer(f"{address}{path}", FLOOR, max_bytes)
    try:
        return b"".join(iter(received, b""))
    finally:
        received.close()


def sending(pieces: Callable[[], Iterable[bytes]], pause: float) -> Answer:
    def answer(connection: socket.socket, path: str) -> None:
        for piece in pieces():
            connection.sendall(piece)
            time.sleep(pause)

    return answer


@pytest.mark.parametrize(
    "pieces",
    [
        lambda: itertools.repeat(b""),
        lambda: [head(content_length=1000), *[b"x"] * 1000],
        lambda: [head(), *[b"x"] * 1000],
        lambda: [head(content_length=10**6), b"x" * 3000, *[b""] * 1000],
        lambda: itertools.chain([b"HTTP/1.1 200 OK\r\nX: "], itertools.repeat(b"a")),
        lambda: itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"X: a\r\n")),
        lambda: itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"),
        lambda: itertools.chain(
            [head(transfer_encoding="chunked"), b"1;"], itertools.repeat(b"a")
        ),
    ],
    ids=[
        "no answer", "a byte at a time", "without length", "stops", "endless field",
        "endless fields", "endless 100", "endless chunk line",
    ],
)  # fmt: skip
def test_a_slow_server_is_given_up(pieces: Callable[[], Iterable[bytes]]) -> None:
    with serve_raw(sending(pieces, pause=0.05)) as address:
        started = time.monotonic()
        with pytest.raises(TransientError, match=r"too slow: \d+ bytes .* expected 10000 a second"):
            fetch(address)
        assert time.monotonic() - started < 4 * PATIENCE


def test_a_steady_server_is_not_given_up_and_a_busy_reader_is_no_slow_server() -> None:
    """1,000 bytes each 10 ms, ten times the floor, for longer than the patience."""
    size, pause = 1000, 0.01
    pieces = [head(content_length=100 * size), *[b"x" * size] * 100]
    with serve_raw(sending(lambda: pieces, pause)) as address:
        assert fetch(address) == b"x" * 100 * size
        received = Transfer(f"{address}file", FLOOR, 2**20)
        first = received()
        time.sleep(2 * PATIENCE)
        assert first + b"".join(iter(received, b"")) == b"x" * 100 * size
        received.close()


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        (head("503 " + "x" * 60_000), "the server answers 503"),
        (head("204 No Content"), "the server answers 204"),
        (head("304 Not Modified"), "the server answers 304"),
        (head("302 Found"), "the server answers 302"),
        (head("302 Found", location="/file"), "more than 10 redirects"),
        (head("302 Found", location="file:///etc/passwd"), "no connection adapters"),
        (head("302 Found", location="http://[x"), "invalid IPv6 URL"),
        (head("302 Found", location="http://" + "x" * 40_000), "cannot be read: "),
        (head(content_length=10) + b"short", "the connection broke off"),
        (head(content_length=2**21), "the connection broke off"),
        (head(content_length=2**20 + 1) + b"x" * (2**20 + 1), "is longer than 1048576 bytes"),
        (head(transfer_encoding="chunked") + b"zz\r\n", "the connection broke off"),
        (b"SSH-2.0\r\n\r\n", "what answers speaks no HTTP"),
        (b"\0" * 70_000, "cannot be read: "),
        (b"", "the connection broke off"),
    ],
)
def test_an_answer_that_is_not_the_file_is_one_short_line(answered: bytes, said: str) -> None:
    with (
        serve_raw(sending(lambda: [answered], 0)) as address,
        pytest.raises(TransientError, match=said) as raised,
    ):
        fetch(address)
    assert len(str(raised.value)) < 500


def test_a_missing_file_is_known_as_such_also_behind_a_redirect() -> None:
    def answer(connection: socket.socket, path: str) -> None:
        there = path == "there"
        connection.sendall(head("404 Not Found") if there else head("307 x", location="/there"))

    with serve_raw(answer) as address, pytest.raises(MissingError, match=r"/there is not there"):
        fetch(address)


def test_a_redirect_is_followed_and_its_body_never_unpacked() -> None:
    bomb = repeated([(b"\0" * 2**20, 512)])

    def answer(connection: socket.socket, path: str) -> None:
        if path == "file":
            fields = {"location": "/there", "content_encoding": "gzip"}
            connection.sendall(head("302 Found", content_length=len(bomb), **fields) + bomb)
        else:
            connection.sendall(head(content_length=4) + b"here")

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with serve_raw(answer) as address:
        assert fetch(address) == b"here"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 128 * 2**10  # KiB


def listing(data: bytes) -> tuple[Archive, ...]:
    """The archives of April 2024 where its list holds `data`."""

    def answer(connection: socket.socket, path: str) -> None:
        sent = data if path == LIST else gzip.compress(b"")
        connection.sendall(head(content_length=len(sent)) + sent)

    with serve_raw(answer) as address:
        window = capture_window(Period.month("2024-04"), 0)
        return list_archives(Server(address, 0), window, "2024-04").archives


def test_a_list_unpacks_to_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PATIENCE_SECONDS", 60.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TransientError, match="unpacks to more than 16777216 bytes"):
        listing(repeated([(b"a" * 2**20, 512)]))
    monkeypatch.setattr(crawl_server, "MAX_LIST_BYTES", 2**18)
    with pytest.raises(TransientError, match="is longer than 262144 bytes"):
        listing(gzip.compress(b"") * (2**18 // 20 + 1000))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 * 2**10  # KiB


@pytest.mark.parametrize(
    "line",
    [
        b"a" * 2**20,
        b"\xff\xfe\x1b[31m",
        "crawl-data/CC-NEWS/2024/04/CC-NEWS-٢٠٢٤٠٤١٠٠٦٠٠٠٠-00000.warc.gz".encode(),
        b"crawl-data/CC-NEWS/2024/04/CC-NEWS-20241399000000-00000.warc.gz",
        b"crawl-data/CC-NEWS/2024/04/CC-NEWS-00000000000000-00000.warc.gz",
        b"crawl-data/CC-NEWS/2024/04/CC-NEWS-20240410060000-" + b"0" * 5000 + b".warc.gz",
        archive_path("20240410060000").encode() + b"/../x",
    ],
)
def test_a_line_that_is_no_archive_is_refused_in_one_short_line(line: bytes) -> None:
    with pytest.raises(BadInputError, match="the server lists") as raised:
        listing(gzip.compress(archive_path("20240410060000").encode() + b"\n" + line))
    assert len(str(raised.value)) < 700
    assert "\x1b" not in str(raised.value)


def test_an_archive_in_two_folders_is_refused() -> None:
    path = archive_path("20240410060000")
    other = path.replace("/2024/04/", "/2024/03/")
    assert listing(gzip.compress(f"{path}\n{path}\n".encode())) == (Archive.parse(path),)
    with pytest.raises(BadInputError, match="lists CC-NEWS-20240410060000-00000 in two folders"):
        listing(gzip.compress(f"{path}\n{other}\n".encode()))


@pytest.mark.parametrize(
    "data",
    [b"", b"plain", gzip.compress(b"x")[:-1], zlib.compress(b"x"), gzip.compress(b"") + b"x"],
)
def test_a_list_that_is_not_whole_is_transient(data: bytes) -> None:
    with pytest.raises(TransientError, match=r"warc\.paths\.gz cannot be unpacked: "):
        listing(data)


def test_the_bounds_leave_room_for_the_real_ones() -> None:
    assert crawl_server.MAX_LIST_BYTES > 100 * 40_000
    assert crawl_server.MAX_ARCHIVE_BYTES > 10 * 2**30
