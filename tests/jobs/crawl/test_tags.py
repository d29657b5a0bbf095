"""Tags of so many attributes that libxml2 would take minutes for one page."""

import time

import pytest

from jobs.crawl.tags import MAX_WORDS, has_endless_tag
from tests.jobs.crawl.test_odd_records import GOOD, read
from tests.support.odd_records import around, page, record


@pytest.mark.parametrize(
    "attribute", ["a{}=1", 'a{}="1"', "a{}='>'", 'a{} = "<"', 'a{}="it\'s"/', "a{}=1\n"]
)
def test_a_page_of_an_endless_tag_is_counted(attribute: str) -> None:
    started = time.process_time()
    many = " ".join(attribute.format(number) for number in range(200_000))
    odd = page().replace(b"<html", b"<html><p " + many.encode() + b">")
    assert read(around(record(content=odd))) == (GOOD, {"unparsable": 1}, 0)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "text",
    [
        "<p>" + "it's a word=1 " * 10**6,
        '<p data="' + "a=1 " * 10**6 + '">',
        "<p " + "a=1 " * (MAX_WORDS // 2 - 1) + ">",
        "<p><" * 10**6,
        "<p a=b'c>" * 10**5,
    ],
)
def test_any_other_tag_is_let_through_in_linear_time(text: str) -> None:
    started = time.process_time()
    assert not has_endless_tag(text)
    assert time.process_time() - started < 3
