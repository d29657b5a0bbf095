"""Archives with records that are not as they should be: nothing is lost in silence."""

import gzip
import resource
from collections.abc import Callable
from typing import Any

import pytest

from jobs.crawl import reading, warc
from jobs.crawl.archives import Period
from jobs.crawl.publishers import choose
from jobs.crawl.reading import KEPT, ArchiveReader
from jobs.errors import TransientError
from tests.support.odd_records import END, SITE, around, packed, page, record, repeated

LENGTH = len(record(end=b"").partition(END)[2])
GOOD = [1, 2, 3, 4]


def read(archive: bytes, chunk: int = 2**16) -> tuple[list[int], dict[str, int], int]:
    """The numbers of the articles kept, the pages dropped by reason, and the damaged records."""
    chunks = iter([archive[at : at + chunk] for at in range(0, len(archive), chunk)])
    reader = ArchiveReader(lambda: next(chunks, b""), "the.warc.gz", choose(["us.VoiceOfAmerica"]))
    rows = reader.articles(Period.month("2024-04"), checked=False)
    kept = sorted(int(row["url"].rpartition("/")[2].removesuffix(".html")) for row in rows)
    dropped = {
        what: count for counts in reader.tally.values() for what, count in counts.items()
        if what != KEPT
    }  # fmt: skip
    assert reader.num_records >= len(kept) + sum(dropped.values()) + reader.num_damaged
    return kept, dropped, reader.num_damaged


@pytest.mark.parametrize(
    ("url", "damaged"),
    [
        (None, 1),
        ("", 1),
        (f"{SITE}/999.html\r\nWARC-Target-URI: {SITE}/998.html", 1),
        ("https://[special-offer].example.org/story", 0),
        ("https://[::1/story", 0),
        ("https://www.voanews\u2100.com/999.html", 0),
        ("https://www.voanews.com:port/999.html", 0),
        ("www.voanews.com/999.html", 0),
    ],
)
def test_a_record_of_no_readable_url_is_counted_and_of_another_host_passed_over(
    url: str | None, damaged: int
) -> None:
    assert read(around(record(fields={"WARC-Target-URI": url}))) == (GOOD, {}, damaged)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"WARC-Date": None}, "damaged"),
        ({"WARC-Date": "yesterday"}, "damaged"),
        ({"WARC-Date": "2024-04-10T12:00:00+99:99"}, "damaged"),
        ({"WARC-Date": "0001-01-01T00:00:00+23:59"}, "unparsable"),
        ({"WARC-Date": "9999-12-31T23:59:59-23:59"}, "unparsable"),
        ({"WARC-Block-Digest": None}, "damaged"),
        ({"WARC-Block-Digest": "sha1:!!!"}, "damaged"),
        ({"WARC-Type": None}, "damaged"),
        ({"WARC-Type": "respnose"}, "damaged"),
    ],
)
def test_a_record_with_an_odd_field_is_counted(fields: dict[str, str | None], why: str) -> None:
    assert read(around(record(fields=fields))) == (GOOD, {why: 1}, 0)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (page("2024-04-10T12:00:00+24:00"), "unparsable"),
        (page("2024-04-10T12:00:00-99:99"), "unparsable"),
        (page("0001-01-01T00:00:00+14:00"), "outside_period"),
        (page("9999-12-31T23:59:59-14:00"), "outside_period"),
        (page("2024-04-10 12:00 " + "9" * 5000), "incomplete"),
        (page().replace(b'"2024-04-10T12:00:00Z"', b"[" * 100_000), "unparsable"),
        (page().replace(b'"2024-04-10T12:00:00Z"', b"9" * 10_000), "unparsable"),
        (page().replace(b'"2024-04-10T12:00:00Z"', b'{"a": [1e999]}'), "incomplete"),
        (b"<div>" * 200_000, "incomplete"),
        (b"<?xml" + b" " * 100_000, "unparsable"),  # with an end, lxml would take quadratic time
        (b"\0" * 5000, "undecodable"),
        (gzip.compress(page()), "undecodable"),
    ],
)
def test_a_page_that_makes_no_article_is_counted(content: bytes, why: str) -> None:
    assert read(around(record(content=content))) == (GOOD, {why: 1}, 0)


@pytest.mark.parametrize(
    "length",
    [
        None, "", "many", "0", "1", "-1", f"+{LENGTH}", "0x10", "1e3", f"{LENGTH}, {LENGTH}", "٣",
        f"{LENGTH}\r\nContent-Length: 3", f"{LENGTH - 1}", f"{LENGTH + 1}", f"{LENGTH + 4}",
        f"{2 * LENGTH}", f"{2**32 + LENGTH}", f"{2**64 + LENGTH}", "9" * 5000, "1" + "0" * 15,
    ],
)  # fmt: skip
def test_a_wrong_length_costs_its_own_record(length: str | None) -> None:
    odd = record(fields={"Content-Length": length})
    assert read(around(odd)) == (GOOD, {"damaged": 1}, 0)


@pytest.mark.parametrize(
    "odd", [b"hello", record()[:100], record()[10:], record().replace(b"\r\n", b"\n")]
)
def test_a_member_that_is_no_record_is_counted(odd: bytes) -> None:
    assert read(around(odd)) == (GOOD, {}, 1)


@pytest.mark.parametrize("odd", [b"", END, END + record(3)[:0]])
def test_a_member_of_nothing_is_none(odd: bytes) -> None:
    assert read(around(odd)) == (GOOD, {}, 0)


def test_a_request_of_wrong_length_does_not_end_the_archive() -> None:
    request = record(fields={"WARC-Type": "request", "Content-Length": "7"})
    assert read(around(request)) == (GOOD, {"damaged": 1}, 0)


@pytest.mark.parametrize("end", [b"", b"\r\n", END * 5])
def test_a_record_may_end_with_its_member(end: bytes) -> None:
    assert read(around(record(end=end))) == ([*GOOD, 999], {}, 0)


def test_members_of_several_records_are_read() -> None:
    together = b"".join(map(record, GOOD))
    short = record(fields={"Content-Length": "300"})
    for chunk in (1, 1000, 2**16):
        assert read(packed(together), chunk) == (GOOD, {}, 0)
        assert read(packed(together + short), chunk) == (GOOD, {"damaged": 1}, 0)


SWALLOWING = LENGTH + len(END) + len(record(3)) - len(END)


@pytest.mark.parametrize("length", ["many", "300", "99999999", "1" + "0" * 15, f"{SWALLOWING}"])
@pytest.mark.parametrize("kind", ["response", "request"])
def test_records_behind_a_damaged_one_in_its_member_fail_the_archive(
    length: str, kind: str
) -> None:
    odd = record(fields={"Content-Length": length, "WARC-Type": kind})
    archive = packed(record(1) + odd + record(3) + record(4))
    with pytest.raises(TransientError, match=r"the\.warc\.gz .*others may lie behind it there"):
        read(archive)


def test_a_page_that_holds_what_looks_like_a_record_is_a_page() -> None:
    assert read(around(record(content=page() + END + record(5)))) == ([*GOOD, 999], {}, 0)


WHOLE = around()
LAST = len(packed(record(4)))


@pytest.mark.parametrize(
    ("archive", "why"),
    [
        (b"", "it is empty"),
        (packed(b""), "it holds no whole record"),
        (packed(b"<html>Service unavailable</html>"), "it holds no whole record"),
        (gzip.compress(WHOLE), "it holds no whole record"),
        (b"".join(map(record, GOOD)), "incorrect header check"),
        (b"<html>Service unavailable</html>", "incorrect header check"),
        (WHOLE[:-1], "ends within a gzip member"),
        (WHOLE[: -LAST + 5], "ends within a gzip member"),
        (WHOLE[:-LAST] + b"garbage" + WHOLE[-LAST:], "incorrect header check"),
        (WHOLE + b"\x1f\x8b", "ends within a gzip member"),
        (WHOLE[:-4] + b"\1\0\0\0", "incorrect length check"),
        (WHOLE[:-8] + b"\0\0\0\0" + WHOLE[-4:], "incorrect data check"),
    ],
)
def test_an_archive_that_is_not_read_to_its_end_fails(archive: bytes, why: str) -> None:
    with pytest.raises(TransientError, match=rf"the\.warc\.gz cannot be read to its end: .*{why}"):
        read(archive)


def test_padding_and_long_names_are_part_of_gzip() -> None:
    named = packed(record(3))
    named = named[:3] + b"\x08" + named[4:10] + b"a" * 300_000 + b"\0" + named[10:]
    archive = packed(record(1), record(2)) + b"\0" * 512 + named + packed(record(4)) + b"\0" * 512
    assert read(archive) == (GOOD, {}, 0)


ZEROS = (b"\0" * 2**20, 512)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bomb", "expected"),
    [
        (
            [(record(content=b"", fields={"Content-Length": f"{2**29 + 57}"}, end=b""), 1),
             ZEROS, (END, 1)],
            (GOOD, {"damaged": 1}, 0),
        ),
        ([(record(), 1), ZEROS], ([*GOOD, 999], {}, 1)),
        ([(record(), 1), (b"\r\n" * 2**19, 512)], ([*GOOD, 999], {}, 0)),
        ([(b"WARC/1.0\r\nX: ", 1), (b"a" * 2**20, 512)], (GOOD, {}, 1)),
    ],
    ids=["block", "behind", "line ends", "head"],
)  # fmt: skip
def test_a_member_of_half_a_gigabyte_is_read_in_bounded_memory(
    bomb: list[tuple[bytes, int]], expected: tuple[list[int], dict[str, int], int]
) -> None:
    archive = packed(record(1), record(2)) + repeated(bomb) + packed(record(3), record(4))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read(archive) == expected
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 128 * 2**10  # KiB


def test_what_an_archive_unpacks_to_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warc, "MAX_UNPACKED_BYTES", 100_000)
    with pytest.raises(TransientError, match="it unpacks to more than 100000 bytes"):
        read(packed(record(1)) + repeated([(b"\0" * 10_000, 10)]))


@pytest.mark.parametrize("where", ["parsed", "decoded", "as_utc", "row"])
def test_any_error_of_one_record_is_counted_but_want_of_memory(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    real: Callable[..., Any] = getattr(reading, where)
    raised: list[type[Exception]] = [RecursionError]

    def failing(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise raised[0]("boom")
        return real(*arguments)

    monkeypatch.setattr(reading, where, failing)
    calls: list[int] = []
    why = "damaged" if where in ("parsed", "decoded") else "unparsable"
    assert read(WHOLE) == ([1, 2, 4], {why: 1}, 0)
    calls.clear()
    raised[0] = MemoryError
    with pytest.raises(MemoryError):
        read(WHOLE)


def test_an_xml_declaration_is_passed_over() -> None:
    for prolog in (
        b'<?xml version="1.0" encoding="UTF-8"?>\n',
        b' \n<?xml version="1.0" encoding="iso-8859-1"?><?xml-stylesheet href="a" encoding="x"?>',
        b"<?xml" + b" " * 50_000 + b"?>",
    ):
        doctype = b'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "xhtml1-strict.dtd">'
        assert read(around(record(content=prolog + doctype + page()))) == ([*GOOD, 999], {}, 0)
