"""Pieces of reading a page that the crawl of a whole mirror does not show."""

import pytest

from jobs.crawl.reading import decoded, storable


@pytest.mark.parametrize(
    ("page", "charset", "text"),
    [
        ("Brücke".encode(), "utf-8", "Brücke"),
        ("Brücke".encode("latin-1"), "latin-1", "Brücke"),
        ("Die Brücke über den Fluss".encode(), "no-such-charset", "Die Brücke über den Fluss"),
        ("Die Brücke über den Fluss".encode(), "ascii", "Die Brücke über den Fluss"),
        (b"", None, None),
        (b"\x80\x81\xfe\xff\x00\x9d", "utf-8", None),
    ],
)
def test_a_page_is_decoded_as_declared_or_else_as_detected(
    page: bytes, charset: str | None, text: str | None
) -> None:
    assert decoded(page, charset) == text


def test_lone_surrogates_do_not_reach_a_file() -> None:
    assert storable("a\ud800b") == "a?b"
