"""What the plan expected: as text and back, and what is no such text."""

import pytest

from jobs.errors import BadInputError
from jobs.kinds.expected import Expected, ExpectedJob, total
from jobs.report.settings import ReportSettings

TRAIN = ExpectedJob(seconds=7200, gpu_hours=16.0, bytes=16_000_000_000, money=56.5)
FLAGS = ["--run", "/store/runs/r/pico", "--out", "/store/runs/r/pico/report"]


def test_as_text_and_back() -> None:
    expected = Expected(jobs={"train": TRAIN, "merge": ExpectedJob()}, currency="EUR")
    text = expected.to_text()
    assert text == (
        '{"jobs":{"train":{"seconds":7200.0,"gpu_hours":16.0,"bytes":16000000000,"money":56.5},'
        '"merge":{}},"currency":"EUR"}'
    )
    assert Expected.from_text(text) == expected
    assert Expected.from_text("") is None


def test_one_unknown_makes_the_sum_unknown() -> None:
    assert total([1.5, 2.0]) == 3.5
    assert total([1.5, None]) is None
    assert total([]) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nonsense", "what the plan expected: it is not JSON"),
        ('{"jobs":{"train":{"seconds":-1}}}', "jobs.train.seconds: expected at least 0;"),
        ('{"jobs":{"train":{"second":1}}}', "jobs.train.second: is unknown;"),
        ('{"jobs":{"<b>":{}}}', "expected: jobs.<b>: expected a job's name such as train;"),
        ('{"currency":"euro"}', "currency: expected three capital letters such as EUR;"),
        ('{"clock_seconds":1e999}', "clock_seconds: expected a finite number;"),
        ("[]", "what the plan expected: expected a mapping;"),
        ('{"jobs":{}, "x":"' + "y" * 10_000 + '"}', "at most 10000 characters"),
    ],
)
def test_what_is_no_such_text_names_the_flag(text: str, told: str) -> None:
    with pytest.raises(BadInputError) as caught:
        ReportSettings.from_flags([*FLAGS, "--expected", text])
    assert str(caught.value).startswith("--expected ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_report_is_the_same_whatever_was_expected() -> None:
    text = Expected(jobs={"train": TRAIN}).to_text()
    given, none = (
        ReportSettings.from_flags([*FLAGS, *more]) for more in (["--expected", text], [])
    )
    assert given.expected == text
    assert none.expected == ""
    assert given.identity() == none.identity()
