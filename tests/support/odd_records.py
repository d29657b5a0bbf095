"""Records of a WARC archive as they should not be, for a page of Fundus's us.VoiceOfAmerica."""

import base64
import gzip
import hashlib
import zlib
from collections.abc import Iterable, Mapping

from tests.support.ccnews_server import Page

SITE = "https://www.voanews.com/a/bridge"
PUBLISHED = "2024-04-10T12:00:00Z"
END = b"\r\n\r\n"


def page(published: str = PUBLISHED) -> bytes:
    """A page of an article."""
    return Page(0, published).response()


def record(
    number: int = 999,
    content: bytes | None = None,
    http: bytes = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n",
    fields: Mapping[str, str | None] | None = None,
    end: bytes = END,
) -> bytes:
    """A response as it lies unpacked; `fields` replace those of its head, or leave them out."""
    block = http + (page() if content is None else content)
    head: dict[str, str | None] = {
        "WARC-Type": "response",
        "WARC-Record-ID": f"<urn:uuid:00000000-0000-0000-0000-{number:012d}>",
        "WARC-Target-URI": f"{SITE}/{number}.html",
        "WARC-Date": "2024-04-10T12:00:00Z",
        "WARC-Block-Digest": f"sha1:{base64.b32encode(hashlib.sha1(block).digest()).decode()}",
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": f"{len(block)}",
        **(fields or {}),
    }
    lines = [f"{name}: {value}" for name, value in head.items() if value is not None]
    text = "".join(f"{line}\r\n" for line in ["WARC/1.0", *lines, ""])
    return text.encode(errors="surrogateescape") + block + end


def packed(*unpacked: bytes) -> bytes:
    """Each given text as a gzip member of its own."""
    return b"".join(gzip.compress(item, mtime=0) for item in unpacked)


def around(*odd: bytes) -> bytes:
    """An archive: two good records, the odd ones in members of their own, two good ones."""
    return packed(record(1), record(2), *odd, record(3), record(4))


def repeated(pieces: Iterable[tuple[bytes, int]]) -> bytes:
    """A gzip member of each piece so many times, made without holding it."""
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    made = [packer.compress(piece) for piece, times in pieces for _ in range(times)]
    return b"".join([*made, packer.flush()])
