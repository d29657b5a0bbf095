"""Which archives are read for a period."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs.crawl.archives import Archive, Period, capture_window, list_archives, months_of
from jobs.crawl.server import Server
from jobs.errors import BadInputError
from tests.support.ccnews_server import archive_path, serve, write_mirror


def test_a_period_is_a_month_in_utc_without_its_end() -> None:
    period = Period.month("2023-12")
    assert period == Period(datetime(2023, 12, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC))
    assert datetime(2023, 12, 1, tzinfo=UTC) in period
    assert datetime(2024, 1, 1, tzinfo=UTC) not in period


@pytest.mark.parametrize(
    ("period", "days_after", "months"),
    [
        ("2024-04", 0, ["2024-03", "2024-04"]),
        ("2024-04", 7, ["2024-03", "2024-04", "2024-05"]),
        ("2024-01", 31, ["2023-12", "2024-01", "2024-02", "2024-03"]),  # to the 3rd of March
    ],
)
def test_the_months_of_a_capture_window(period: str, days_after: int, months: list[str]) -> None:
    assert months_of(capture_window(Period.month(period), days_after)) == months


def test_archives_are_those_begun_in_the_window_once_each_by_time(tmp_path: Path) -> None:
    begun = [
        "20240330235959", "20240331000000", "20240410000000", "20240507235959", "20240508000000",
    ]  # fmt: skip
    paths = [archive_path(moment) for moment in begun]
    write_mirror(tmp_path, dict.fromkeys([*reversed(paths), paths[2]], b""))
    with serve(tmp_path) as mirror:
        server = Server(mirror.address.rstrip("/"), retry_seconds=0)
        listing = list_archives(server, capture_window(Period.month("2024-04"), 7), "2024-04")
    assert [archive.path for archive in listing.archives] == paths[1:4]
    assert listing.months == {"2024-03": 1, "2024-04": 1, "2024-05": 1}


@pytest.mark.parametrize("path", ["../../etc/passwd", "crawl-data/CC-NEWS/2024/04/x.warc.gz", "<"])
def test_a_list_of_something_else_is_refused(path: str) -> None:
    with pytest.raises(BadInputError, match="expected crawl-data/CC-NEWS"):
        Archive.parse(path)
