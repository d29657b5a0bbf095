"""A page's bytes as text, as the web reads them.

In this order: a byte order mark; strict UTF-8, or nearly; the set that the answer's head or the
page declares, by the labels of the WHATWG Encoding Standard (iso-8859-1 is windows-1252 there,
and what only Python knows is no set at all); and the set that is detected from a sample. Bytes
that a set has no character for are replaced by U+FFFD where they are few, and counted.

Cost: linear in the page, and detection in at most `SAMPLE_BYTES`, whose runs of ASCII are cut
short: chardet is quadratic in those.
"""

import re
from dataclasses import dataclass

import chardet
import webencodings

REPLACED = "\ufffd"
HEAD_BYTES = 4096
LOOKED_AT_BYTES, SAMPLE_BYTES = 2**20, 8192
MAX_ASCII_RUN = 32
FEW = 3
FEW_IN = 10  # one broken character in so many that are not ASCII
FEW_BYTES_IN = 1000  # one broken character in so many bytes, where there is no better reading

_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_META = re.compile(
    rb"<meta\b[^>]{0,1000}?\bcharset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:-]{1,40})", re.IGNORECASE
)
_XML = re.compile(rb"<\?xml\b[^>]{0,1000}?\bencoding\s{0,9}=\s{0,9}[\"']([\w.:-]{1,40})")
_PROLOG = re.compile(r"(?:\s*<\?[^>]*(?:>|\Z))+")
_C1 = re.compile("[\x80-\x9f]")
_ASCII_RUN = re.compile(rb"[\0-\x7f]{%d,}" % MAX_ASCII_RUN)
_ISO_2022_JP = b"\x1b$"


@dataclass(frozen=True)
class Decoded:
    """A page's text, and how many of its characters stand for bytes that are none."""

    text: str
    num_replaced: int
    num_beyond_ascii: int

    @property
    def few_replaced(self) -> bool:
        return self.num_replaced <= FEW or self.nearly_whole

    @property
    def nearly_whole(self) -> bool:
        return self.num_replaced * FEW_IN <= self.num_beyond_ascii


def decoded(page: bytes, declared: str | None) -> Decoded | None:
    """A page as text; None where no character set fits. `declared` is by the answer's head."""
    for mark, codec in _MARKS.items():
        if page.startswith(mark):
            return _if_little_replaced(_read(page[len(mark) :], codec), page)
    labels = [label.strip("\"' ") for label in (declared, _declared_within(page)) if label]
    if page.isascii() and any(map(_is_given_up, labels)):
        return None  # read as ASCII, it would be no text
    if _ISO_2022_JP in page and not (read := _read(page, "iso2022_jp")).num_replaced:
        return read
    utf8 = _read(page, "utf-8")
    if not utf8.num_replaced or (utf8.num_beyond_ascii and utf8.nearly_whole):
        return utf8
    codecs = [codec for codec in map(_codec, labels) if codec]
    for codec in codecs:
        if (read := _read(page, codec)).few_replaced:
            return read
    detected = _detected(page)
    if detected and (read := _read(page, detected)).few_replaced:
        return read
    return _if_little_replaced(_read(page, codecs[0]) if codecs else utf8, page)


def without_prolog(text: str) -> str:
    """A page without the XML declaration that XHTML begins with; browsers pass over it too."""
    found = _PROLOG.match(text)
    return text[found.end() :] if found else text


def _if_little_replaced(read: Decoded, page: bytes) -> Decoded | None:
    little = read.few_replaced or read.num_replaced * FEW_BYTES_IN <= len(page)
    return read if little else None


def _read(page: bytes, codec: str) -> Decoded:
    text = page.decode(codec, "replace")
    replaced = text.count(REPLACED) + text.count("\0")
    if codec == "utf-8" and replaced:
        replaced -= page.count(REPLACED.encode())
    if codec.startswith("iso8859"):  # whose C1 controls are another set's characters
        replaced += len(text) - len(_C1.sub("", text))
    if not replaced:
        return Decoded(text, 0, 0)
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore")) - text.count(REPLACED)
    return Decoded(text.replace("\0", REPLACED), replaced, beyond_ascii)


def _is_given_up(label: str) -> bool:
    """Whether the web no longer reads a set: those whose ASCII may hide something else."""
    found = webencodings.lookup(label)
    return found is not None and found.name == "replacement"


def _codec(label: str) -> str | None:
    """Python's name of the codec that the web means by a label."""
    found = webencodings.lookup(label)
    if found is None or found.name in ("replacement", "x-user-defined"):
        return None
    # gbk is decoded as gb18030, its superset, by the standard.
    return "gb18030" if found.name == "gbk" else str(found.codec_info.name)


def _declared_within(page: bytes) -> str | None:
    """The label that a page gives itself, in a meta element or else its XML declaration."""
    head = _COMMENT.sub(b"", page[:HEAD_BYTES])
    if found := _META.search(head) or _XML.match(head):
        label = found[1].decode("ascii", "replace")
        # The page that says so in ASCII is not in UTF-16.
        return "utf-8" if label.lower().startswith("utf-16") else label
    return None


def _detected(page: bytes) -> str | None:
    """The codec that a sample of the page looks like."""
    start = page[:HEAD_BYTES]
    if start.count(b"\0") * 4 >= len(start) > 0:
        return "utf-16-le" if start[1::2].count(b"\0") > start[::2].count(b"\0") else "utf-16-be"
    first = re.search(rb"[\x80-\xff]", page)
    if first is None:
        return None
    begin = max(0, first.start() - MAX_ASCII_RUN)
    half = MAX_ASCII_RUN // 2
    sample = _ASCII_RUN.sub(
        lambda run: run[0][:half] + run[0][-half + 1 :], page[begin : begin + LOOKED_AT_BYTES]
    )[:SAMPLE_BYTES]
    label = chardet.detect(sample)["encoding"]
    return _codec(label) if label else None
