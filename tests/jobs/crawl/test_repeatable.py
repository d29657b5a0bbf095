"""A date is what its page says: whole, or none; never filled with the day on which it is read."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from jobs.crawl.repeatable import make_repeatable
make_repeatable()
from fundus.parser.utility import generic_date_parsing
from fundus.publishers.ua import pravda
for text in sys.argv[1:]:
    for parse in (generic_date_parsing, pravda.dateparser.parse):
        try:
            print(parse(text), end=";")
        except ValueError as error:
            print(type(error).__name__, end=";")
    print()
"""
WHOLE = {
    "2024-04-10T12:30:00+02:00": "2024-04-10 12:30:00+02:00",
    "10 April 2024 12:30": "2024-04-10 12:30:00",
    "April 10, 2024": "2024-04-10 00:00:00",
    "Wednesday, 10 April 2024, 12:30": "2024-04-10 12:30:00",
    "2000-01-01": "2000-01-01 00:00:00",
    "29 February 2024": "2024-02-29 00:00:00",
}
PARTS = [
    "April", "April 2024", "2024", "10 April", "12:30", "Wednesday", "Wed 12:30", "10",
    "31 January", "1 January 12:30",
]  # fmt: skip
RELATIVE = ["today", "yesterday", "2 hours ago", "now", "вчора", "сьогодні, 14:30"]


@pytest.fixture(scope="module")
def read() -> dict[str, list[str]]:
    """Text → what dateutil (as Fundus uses it) and dateparser (as one publisher does) make of it.

    In a process of its own, as the change to Fundus lasts.
    """
    texts = [*WHOLE, *PARTS, *RELATIVE]
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, *texts]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    return {text: line.split(";")[:2] for text, line in zip(texts, lines, strict=True)}


@pytest.mark.parametrize(("text", "moment"), WHOLE.items())
def test_what_is_whole(read: dict[str, list[str]], text: str, moment: str) -> None:
    assert read[text][0] == moment
    assert read[text][1] in (moment, "None")  # dateparser knows fewer forms


@pytest.mark.parametrize("text", [*PARTS, *RELATIVE])
def test_what_would_be_filled_with_today(read: dict[str, list[str]], text: str) -> None:
    assert set(read[text]) <= {"None", "ParserError"}
