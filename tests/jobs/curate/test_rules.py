"""The rules of curation, one article at a time."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.curate.rules import Removal, Rules, Sighting, text_digest

START = datetime(2024, 4, 1, tzinfo=UTC)


def sighting(hour: int, url: str = "https://a.org/1", position: int = 0) -> Sighting:
    return Sighting(START + timedelta(hours=hour), url, position)


@pytest.mark.parametrize(
    ("length", "removal"),
    [(4, Removal("too_short")), (5, None), (8, None), (9, Removal("too_long"))],
)
def test_limits_of_length_are_included(length: int, removal: Removal | None) -> None:
    rules = Rules(min_characters=5, max_characters=8)
    rules.see("x" * length, sighting(1))
    assert rules.judge("x" * length, sighting(1)) == removal


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
    best = sighting(1, "https://a.org/1", position=2)
    others = [
        sighting(2, "https://a.org/0", position=0),  # later, though its URL is less
        sighting(1, "https://a.org/2", position=1),  # its URL is greater
        sighting(1, "https://a.org/1", position=3),  # the very same page, seen again
    ]
    for order in ([best, *others], [*others, best]):
        rules = Rules(0, 100)
        for item in order:
            rules.see("text", item)
        assert rules.judge("text", best) is None
        for item in others:
            assert rules.judge("text", item) == Removal("duplicate", of="https://a.org/1")


def test_a_text_that_is_too_short_is_no_duplicate() -> None:
    rules = Rules(10, 100)
    for position in range(2):
        rules.see("short", sighting(1, position=position))
    assert rules.judge("short", sighting(1, position=1)) == Removal("too_short")
