"""The rules of curation, one article at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.curate.rules import Article, Removal, Rules, Sighting, own_rules, text_digest
from jobs.curate.settings import CurateSettings

START = datetime(2024, 4, 1, tzinfo=UTC)


def article(
    body: str,
    hour: int = 1,
    url: str = "https://a.org/1",
    position: int = 0,
    title: str = "Title",
) -> Article:
    sighting = Sighting(START + timedelta(hours=hour), url, position)
    return Article(sighting, "A Paper", title, body, "en")


def rules_of(**settings: Any) -> Rules:
    return Rules(own_rules(CurateSettings(articles="/a", out="/o", **settings)))


@pytest.mark.parametrize(
    ("length", "removal"),
    [(4, Removal("too_short")), (5, None), (8, None), (9, Removal("too_long"))],
)
def test_limits_of_length_are_included(length: int, removal: Removal | None) -> None:
    rules = rules_of(min_characters=5, max_characters=8)
    rules.see(article("x" * length))
    assert rules.judge(article("x" * length)) == removal


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("one two\n\nthree", " one  two three\n", True),
        ("caf\u00e9", "cafe\u0301", True),  # one letter, composed or not
        ("One two", "one two", False),
        ("onetwo", "one two", False),
    ],
)
def test_texts_are_equal_but_for_space_and_composition(
    first: str, second: str, equal: bool
) -> None:
    assert (text_digest(first) == text_digest(second)) == equal


def test_the_earliest_of_equal_texts_is_kept_then_the_least_url_then_the_first() -> None:
    best = article("text", 1, "https://a.org/1", position=2)
    others = [
        article("text", 2, "https://a.org/0", position=0),  # later, though its URL is less
        article("text", 1, "https://a.org/2", position=1),  # its URL is greater
        article("text", 1, "https://a.org/1", position=3),  # the very same page, seen again
    ]
    for order in ([best, *others], [*others, best]):
        rules = rules_of(min_characters=0, max_characters=100)
        for item in order:
            rules.see(item)
        assert rules.judge(best) is None
        for item in others:
            assert rules.judge(item) == Removal("duplicate", of="https://a.org/1")


def test_a_text_that_is_too_short_is_no_duplicate() -> None:
    rules = rules_of(min_characters=10, max_characters=100)
    for position in range(2):
        rules.see(article("short", position=position))
    assert rules.judge(article("short", position=1)) == Removal("too_short")


def test_an_older_capture_goes_by_that_and_by_no_other_rule() -> None:
    rules = Rules(rules_of(min_characters=10, max_characters=100).own, older={1})
    assert rules.names[:3] == ("older_capture", "too_short", "too_long")
    assert rules.names[-1] == "duplicate"
    assert rules.judge(article("short", position=1)) == Removal("older_capture")
    assert rules.judge(article("short", position=2)) == Removal("too_short")
