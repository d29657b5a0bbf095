"""Makes what Fundus says of a page the same in every run, on every machine and on any day."""

import os
import time
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import dateparser
import langdetect
from dateutil import parser as dateutil_parser
from fundus.parser import utility
from fundus.publishers.ua import pravda

_DAYS = (datetime(2000, 1, 1), datetime(2004, 2, 2))
"""Nothing of the two is the same but the time: a Saturday and a Monday."""


def make_repeatable() -> None:
    """For this process.

    langdetect draws random numbers unless seeded; dateutil reads a time zone's abbreviation by
    the local zone; and it fills what a date lacks with today's, as dateparser does: such a date
    is none.
    """
    langdetect.DetectorFactory.seed = 0
    os.environ["TZ"] = "UTC"
    time.tzset()
    utility.parser = SimpleNamespace(parse=_by_dateutil)
    pravda.dateparser = SimpleNamespace(parse=_by_dateparser)


def _by_dateutil(text: str, **options: Any) -> datetime | None:
    return _on_any_day(lambda day: dateutil_parser.parse(text, default=day, **options))


def _by_dateparser(text: str) -> datetime | None:
    return _on_any_day(lambda day: dateparser.parse(text, settings={"RELATIVE_BASE": day}))


def _on_any_day(read: Callable[[datetime], datetime | None]) -> datetime | None:
    """What a text means on two days, if it is the same."""
    first, second = map(read, _DAYS)
    return first if first == second else None
