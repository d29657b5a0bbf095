"""The records of a WARC archive, gzip member by gzip member, so that none is lost in silence.

An archive is a row of gzip members, in CC-NEWS one record each:

    WARC/1.0 CRLF, fields, an empty line, a block of Content-Length bytes, CRLF CRLF

Where a record's length is not what its field says, its end cannot be known, and reading goes on
at the next member. That loses nothing where the member held this record alone. Where the bytes
that are passed over, or those of a record that fails its digest, look as if another record began
there, the archive is given up: no record is guessed at, since a page may hold anything.

Memory: one record of at most `MAX_BLOCK_BYTES`, and pieces; larger ones are passed over.
"""

import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fastwarc import ArchiveIterator, WarcRecord

PIECE_BYTES = 64 * 2**10
MAX_HEAD_BYTES = 2**20
MAX_BLOCK_BYTES = 32 * 2**20
MAX_UNPACKED_BYTES = 64 * 2**30  # CC-NEWS archives unpack to about 5 GiB
MAX_LENGTH_DIGITS = 18

_RECORD_END = b"\r\n\r\n"
_NEXT_RECORD = b"\r\n\r\nWARC/1."
_OTHER_TYPES = frozenset(
    b"warcinfo request metadata resource revisit conversion continuation".split()
)
_FIELD = rb"(?i)\r\n%s[ \t]*:[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)"
_LENGTH = re.compile(_FIELD % b"Content-Length")
_TYPE = re.compile(_FIELD % b"WARC-Type")
_URL = re.compile(_FIELD % b"WARC-Target-URI")


class BrokenArchiveError(Exception):
    """An archive that cannot be read to its end; says why."""


@dataclass(frozen=True)
class Record:
    """A response, or a record that is damaged or of no known type.

    `data` is its head and block, or None where it is damaged or larger than `MAX_BLOCK_BYTES`;
    `url` is None where it names none.
    """

    url: str | None
    data: bytes | None


def records(packed: Callable[[], bytes]) -> Iterator[Record]:
    """The responses of an archive, and its damaged records.

    `packed` gives the next compressed bytes, none at the end. Raises BrokenArchiveError.
    """
    whole = False
    for number, pieces in enumerate(members(packed, MAX_UNPACKED_BYTES), 1):
        for record in _records_of(_Member(pieces), number):
            whole = whole or record is None or record.data is not None
            if record is not None:
                yield record
    if not whole:
        raise BrokenArchiveError("it holds no whole record")


def parsed(data: bytes) -> WarcRecord | None:
    """A response as FastWARC reads it, where its digest is right."""
    archive = ArchiveIterator(io.BytesIO(data + _RECORD_END), parse_http=False)
    found = next(iter(archive), None)
    return found if found is not None and found.verify_block_digest() else None


def members(packed: Callable[[], bytes], max_bytes: int) -> Iterator[Iterator[bytes]]:
    """Each gzip member as its unpacked pieces, checked by its checksum and length.

    A member must be exhausted before the next. Raises BrokenArchiveError, also where there is
    none, or all of them unpack to more than `max_bytes`.
    """
    rest, unpacked = packed(), 0
    if not rest:
        raise BrokenArchiveError("it is empty")

    def pieces() -> Iterator[bytes]:
        nonlocal rest, unpacked
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while not unpacker.eof:
            given = rest or packed()
            if not given:
                raise BrokenArchiveError("it ends within a gzip member")
            try:
                piece = unpacker.decompress(given, PIECE_BYTES)
            except zlib.error as error:
                why = str(error).rpartition(": ")[2]
                raise BrokenArchiveError(f"a gzip member is damaged, {why}") from error
            rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            unpacked += len(piece)
            if unpacked > max_bytes:
                raise BrokenArchiveError(f"it unpacks to more than {max_bytes} bytes")
            yield piece

    while rest := rest or packed():
        rest = rest.lstrip(b"\0")  # padding, as gzip allows
        if rest:
            yield pieces()


class _Member:
    """The unpacked bytes of one gzip member, held as far as they are looked at."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.held = bytearray()
        self.saw_another_record = False
        self._looked_at = b""

    def fill(self, size: int) -> bool:
        """Holds `size` bytes; False where the member ends before."""
        while len(self.held) < size:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self.held += piece
        return True

    def find_head(self) -> bytes | None:
        """The next record's lines with the empty one behind them; None where they are none."""
        searched = 0
        while (end := self.held.find(_RECORD_END, searched)) < 0:
            searched = max(0, len(self.held) - len(_RECORD_END))
            if searched > MAX_HEAD_BYTES or not self.fill(len(self.held) + 1):
                return None
        head = bytes(self.held[: end + len(_RECORD_END)])
        return head if head.startswith(b"WARC/1.") and len(head) <= MAX_HEAD_BYTES else None

    def ends_at(self, size: int) -> bool:
        """Whether a record of `size` bytes ends there: empty lines, or nothing more, follow."""
        if self.fill(size + len(_RECORD_END)):
            return self.held[size : size + len(_RECORD_END)] == _RECORD_END
        return len(self.held) >= size and not self.held[size:].strip(b"\r\n")

    def drop(self, size: int | None = None) -> bool:
        """Drops `size` bytes, or all; False where the member ends before. Looks for records."""
        while size is None or size > 0:
            if not self.held and not self.fill(1):
                return size is None
            part = bytes(self.held[:size])
            window = self._looked_at + part
            self.saw_another_record |= _NEXT_RECORD in window
            self._looked_at = window[-len(_NEXT_RECORD) + 1 :]
            del self.held[: len(part)]
            size = size and size - len(part)
        return True

    def begin_record(self) -> bool:
        """Drops empty lines; False at the member's end."""
        self.saw_another_record, self._looked_at = False, b""
        while self.fill(1):
            if self.held[0] not in b"\r\n":
                return True
            del self.held[: len(self.held) - len(self.held.lstrip(b"\r\n"))]
        return False


def _records_of(member: _Member, number: int) -> Iterator[Record | None]:
    """The records of a member; None stands for a whole one that is no response."""
    broken = BrokenArchiveError(
        f"a record of gzip member {number} is damaged, and others may lie behind it there"
    )
    while member.begin_record():
        head = member.find_head()
        length = _length(head) if head else None
        ended = head is not None and length is not None
        if head is not None and length is not None and length <= MAX_BLOCK_BYTES:
            ended = member.ends_at(size := len(head) + length)
            if ended:
                data = bytes(memoryview(member.held)[:size])
                del member.held[: size + len(_RECORD_END)]
                if _NEXT_RECORD in data and parsed(data) is None:
                    raise broken
                yield _record_of(head, data)
                continue
        elif head is not None and length is not None:
            ended = member.drop(len(head) + length) and member.ends_at(0)
        yield Record(_url(head) if head else None, None)
        if not ended:
            member.drop()
        if member.saw_another_record:
            raise broken


def _record_of(head: bytes, data: bytes) -> Record | None:
    kind = _value(_TYPE, head)
    if kind == b"response":
        return Record(_url(head), data)
    return None if kind in _OTHER_TYPES else Record(_url(head), None)


def _value(field: re.Pattern[bytes], head: bytes) -> bytes | None:
    """The value of a field in lower case; None where it is not there just once."""
    found = field.findall(head)
    return bytes(found[0]).lower() if len(found) == 1 else None


def _length(head: bytes) -> int | None:
    digits = _value(_LENGTH, head)
    known = digits and digits.isdigit() and len(digits) <= MAX_LENGTH_DIGITS
    return int(digits) if digits and known else None


def _url(head: bytes) -> str | None:
    found = _URL.findall(head)
    return bytes(found[0]).decode(errors="ignore") or None if len(found) == 1 else None
