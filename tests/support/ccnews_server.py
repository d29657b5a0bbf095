"""A CC-NEWS mirror for tests: pages as WARC files in a folder, served over loopback with faults."""

import base64
import gzip
import hashlib
import html
import json
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HTML = """<html><head><meta property="og:title" content="{title}">
<script type="application/ld+json">{data}</script></head>
<body><div id="article-content"><div>{paragraphs}</div></div></body></html>"""
BODY = "The mayor opened the new bridge on Monday.\n\nThe old one had stood for ninety years."


@dataclass(frozen=True)
class Page:
    """A page of Fundus's publisher us.VoiceOfAmerica, whose site and parser are plain."""

    number: int
    published: str
    """The date as the site writes it, with or without a zone."""
    body: str = BODY
    title: str = "A new bridge"
    site: str = "https://www.voanews.com/a/bridge"
    captured: str = "2024-04-10T12:00:00Z"
    digest: str | None = None
    """A wrong digest, instead of the right one."""
    content: bytes | None = None
    """The response, instead of the page."""
    charset: str = "utf-8"

    @property
    def url(self) -> str:
        return f"{self.site}/{self.number}.html"

    def response(self) -> bytes:
        if self.content is not None:
            return self.content
        paragraphs = [f"<p>{html.escape(text)}</p>" for text in self.body.split("\n\n") if text]
        data = json.dumps({"@type": "NewsArticle", "datePublished": self.published})
        return HTML.format(
            title=html.escape(self.title), data=data, paragraphs="".join(paragraphs)
        ).encode()


def warc(pages: Sequence[Page]) -> bytes:
    """An archive of `pages` in their order, each record compressed by itself."""
    return b"".join(gzip.compress(_record(page), mtime=0) for page in pages)


def _record(page: Page) -> bytes:
    content = page.response()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset={page.charset}\r\n\r\n"
    block = head.encode() + content
    digest = base64.b32encode(hashlib.sha1(block).digest()).decode()
    lines = (
        "WARC/1.0",
        "WARC-Type: response",
        f"WARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, page.url)}>",
        f"WARC-Target-URI: {page.url}",
        f"WARC-Date: {page.captured}",
        f"WARC-Block-Digest: {page.digest or 'sha1:' + digest}",
        "Content-Type: application/http; msgtype=response",
        f"Content-Length: {len(block)}",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode() + block + b"\r\n\r\n"


def archive_path(begun: str, number: int = 0) -> str:
    """Path of the archive begun at 20240410120000, as its server lists it."""
    return f"crawl-data/CC-NEWS/{begun[:4]}/{begun[4:6]}/CC-NEWS-{begun}-{number:05d}.warc.gz"


def write_mirror(folder: Path, archives: Mapping[str, bytes], months: Sequence[str] = ()) -> None:
    """Writes archives (path → bytes) and the lists of their months, and of `months` (2024/05)."""
    lists: dict[str, list[str]] = {f"crawl-data/CC-NEWS/{month}": [] for month in months}
    for path, data in archives.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
        lists.setdefault(path.rpartition("/")[0], []).append(path)
    for month, paths in lists.items():
        (folder / month).mkdir(parents=True, exist_ok=True)
        text = "".join(f"{path}\n" for path in paths)
        (folder / month / "warc.paths.gz").write_bytes(gzip.compress(text.encode()))


@dataclass
class Mirror:
    """A running server: its address, what it was asked for, and how it is to fail."""

    address: str = ""
    requests: list[str] = field(default_factory=list)
    """Paths, without a slash in front."""
    status: dict[str, int] = field(default_factory=dict)
    """Path → an HTTP status to answer instead of the file."""
    cut_short: set[str] = field(default_factory=set)
    """Paths of which only half is sent, though the length of the whole was announced."""
    hang: set[str] = field(default_factory=set)
    """Paths of which half is sent, and then nothing more until the server ends."""
    ended: threading.Event = field(default_factory=threading.Event)


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, mirror: Mirror, **named: Any) -> None:
        self.mirror = mirror
        super().__init__(*arguments, **named)

    def do_GET(self) -> None:
        path = self.path.lstrip("/")
        self.mirror.requests.append(path)
        if status := self.mirror.status.get(path):
            self.send_error(status)
        elif path in self.mirror.cut_short | self.mirror.hang:
            data = Path(self.translate_path(self.path)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            if path in self.mirror.hang:
                self.mirror.ended.wait()
            self.close_connection = True
        else:
            super().do_GET()

    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[Mirror]:
    """Serves a folder over HTTP on loopback while the block runs."""
    mirror = Mirror()
    handler = partial(_Handler, mirror=mirror, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        mirror.address = f"http://127.0.0.1:{server.server_port}/"
        serving = partial(server.serve_forever, poll_interval=0.02)
        threading.Thread(target=serving, daemon=True).start()
        try:
            yield mirror
        finally:
            mirror.ended.set()
            server.shutdown()
