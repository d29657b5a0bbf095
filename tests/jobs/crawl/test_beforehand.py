"""Which periods a crawl refuses, by the server and the day."""

import doctest
from datetime import UTC, datetime

import pytest

from jobs.crawl import beforehand
from jobs.crawl.beforehand import COMMON_CRAWL, why_no_period

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_examples() -> None:
    assert doctest.testmod(beforehand).failed == 0


@pytest.mark.parametrize(
    ("period", "server", "says"),
    [
        ("2026-10", COMMON_CRAWL, ""),
        ("2016-08", COMMON_CRAWL, ""),
        ("2016-07", COMMON_CRAWL, "the first month is 2016-08"),
        ("2016-07", COMMON_CRAWL.rstrip("/"), "the first month is 2016-08"),
        ("2016-07", "http://mirror/", ""),
        ("2026-11", COMMON_CRAWL, "is not over before 2026-12-01"),
        ("2026-11", "http://mirror/", "is not over before 2026-12-01"),
        ("2026-12", COMMON_CRAWL, "is not over before 2027-01-01"),
    ],
)
def test_periods(period: str, server: str, says: str) -> None:
    why = why_no_period(period, server, NOW)
    assert says in why
    assert bool(why) == bool(says)
