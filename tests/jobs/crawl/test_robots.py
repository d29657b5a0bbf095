"""Robots files that are endless, huge or no text: bounded, and never taken for consent."""

import resource
import socket
import time
from typing import Any

import pytest

from jobs.crawl import publishers
from jobs.crawl.publishers import MAX_ROBOTS_BYTES, OptOut, read_opt_out
from tests.jobs.crawl.test_publishers import publisher
from tests.support.odd_records import repeated
from tests.support.raw_server import head, serve_raw

ALLOWS = OptOut(True, "robots file allows training")
REFUSES = OptOut(False, "robots file disallows training")
NO_TRAINING = b"# no training\n"


def answered(sent: bytes, path: str = "robots.txt") -> OptOut:
    """What is made of a server's answer; "{url}" stands for its robots file in what it says."""

    def answer(connection: socket.socket, asked: str) -> None:
        there = head("302 Found", location=f"/{path}", content_length=0)
        connection.sendall(sent if asked == path else there)

    with serve_raw(answer) as address:
        found = read_opt_out(publisher(address))
        return OptOut(found.allows_training, found.why.replace(f"{address}robots.txt", "{url}"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", ALLOWS),
        (NO_TRAINING, REFUSES),
        (b"\xef\xbb\xbf" + NO_TRAINING, REFUSES),
        (b"\xff\xfe\0\n" + NO_TRAINING, REFUSES),
        (b"Disallow: //[\nCrawl-delay: \xc2\xb2\nRequest-rate: x/y\n" + NO_TRAINING, REFUSES),
        (b"Crawl-delay: " + b"9" * 5000 + b"\n", ALLOWS),
        (b"x" * (MAX_ROBOTS_BYTES - len(NO_TRAINING) - 1) + b"\n" + NO_TRAINING, REFUSES),
        (b"User-agent: a\nDisallow: /a\n" * 18_000, ALLOWS),  # whose rules took a minute to sort
        (
            b"x" * MAX_ROBOTS_BYTES + b"\n" + NO_TRAINING,
            OptOut(None, f"{{url}} is longer than {MAX_ROBOTS_BYTES} bytes"),
        ),
    ],
)
@pytest.mark.parametrize("charset", ["utf-8", "undefined"])
def test_a_robots_file_is_read_whole_or_not_taken_for_consent(
    text: bytes, expected: OptOut, charset: str
) -> None:
    started = time.process_time()
    fields: dict[str, Any] = {
        "content_type": f"text/plain; charset={charset}",
        "content_length": len(text),
    }
    assert answered(head(**fields) + text) == expected
    assert time.process_time() - started < 2


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
def test_a_robots_file_unpacks_to_a_bounded_size(status: str) -> None:
    bomb = repeated([(b"#" * 2**20, 512)])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = answered(head(status, content_encoding="gzip", content_length=len(bomb)) + bomb)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 2**10  # KiB
    too_long = OptOut(None, f"{{url}} is longer than {MAX_ROBOTS_BYTES} bytes")
    assert found == (too_long if status == "200 OK" else OptOut(True, "no robots file (404)"))


def test_a_redirect_is_followed() -> None:
    text = head(content_length=len(NO_TRAINING)) + NO_TRAINING
    assert answered(text, path="elsewhere.txt") == REFUSES


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"SSH-2.0\r\n",
        head("302 Found", location="/robots.txt"),
        head("302 Found", location="file:///etc/passwd"),
        head("302 Found", location="http://[x"),
        head(content_length=100) + NO_TRAINING,
        head(content_encoding="gzip", content_length=5) + b"plain",
        head("500 " + "x" * 1000),
        head("204 No Content"),
    ],
)
def test_an_answer_that_is_no_robots_file_is_no_consent(sent: bytes) -> None:
    found = answered(sent)
    assert found.allows_training is None
    assert found.why.startswith("{url}")
    assert len(found.why) < 300


def test_a_server_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishers, "TIMEOUT_SECONDS", 0.5)

    def answer(connection: socket.socket, path: str) -> None:
        connection.sendall(head())
        while True:
            connection.sendall(b"#")
            time.sleep(0.05)

    started = time.monotonic()
    with serve_raw(answer) as address:
        assert read_opt_out(publisher(address)).allows_training is None
    assert time.monotonic() - started < 3
