"""Pieces of reading a page that the crawl of a whole mirror does not show."""

import pytest

from jobs.crawl.reading import storable


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a\ud800b", "a?b"),
        ("the mayor\x92s \x93new\x94 bridge\x85", "the mayor’s “new” bridge…"),
        ("a\x81\x8d\x9db", "ab"),  # windows-1252 has none there either
        ("\x1b[31mred\x1b[0m\x00\x7f\x08", "[31mred[0m"),
        ("one\ttwo\nthree\r\n", "one\ttwo\nthree\r\n"),
    ],
)
def test_what_no_article_holds_does_not_reach_a_file(text: str, stored: str) -> None:
    assert storable(text) == stored
