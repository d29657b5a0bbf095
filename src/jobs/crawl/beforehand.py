"""What a crawl will refuse, known before it begins: the period, and the publishers' names.

A crawl refuses by these rules, and the plan of a run asks for them days before. Fundus takes
seconds to import, so that its publishers' names are read from its sources: 0.1 s.
"""

import ast
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from jobs.words import nearest_of

COMMON_CRAWL = "https://data.commoncrawl.org/"
FIRST_MONTH = "2016-08"
"""Of CC-NEWS at Common Crawl; a mirror may hold others."""


def end_of_month(period: str) -> datetime:
    """The first moment, in UTC, after the period written as 2026-10."""
    start = datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC)
    return (start + timedelta(days=31)).replace(day=1)


def why_no_period(period: str, server: str, now: datetime) -> str:
    """Why a period cannot be crawled, or "".

    >>> moment = datetime(2026, 10, 31, tzinfo=UTC)
    >>> why_no_period("2026-10", COMMON_CRAWL, moment)[:33]
    'is not over before 2026-11-01; wh'
    >>> why_no_period("2016-07", COMMON_CRAWL, moment)
    'is before the archives of CC-NEWS begin; the first month is 2016-08'
    """
    if (end := end_of_month(period)) > now:
        return f"is not over before {end.date()}; what is crawled now would stand for all of it"
    if server.rstrip("/") == COMMON_CRAWL.rstrip("/") and period < FIRST_MONTH:
        return f"is before the archives of CC-NEWS begin; the first month is {FIRST_MONTH}"
    return ""


def list_path(month: str) -> str:
    """Where a server lists the archives of a month written as 2026-10."""
    return f"crawl-data/CC-NEWS/{month.replace('-', '/')}/warc.paths.gz"


def meant_by(publishers: Iterable[str]) -> dict[str, set[str]]:
    """Each name that one may give (us, us.TheIntercept, TheIntercept, all): the ids it means."""
    everyone = tuple(publishers)
    meant: dict[str, set[str]] = {"all": set(everyone)}
    for found in everyone:
        country, _, name = found.partition(".")
        for spelling in (country, name, found):
            meant.setdefault(spelling, set()).add(found)
    return meant


def why_unknown(name: str, meant: dict[str, set[str]]) -> str:
    """Why a name means no publisher, and the nearest that does; or ""."""
    if name in meant:
        return ""
    lowered = {item.lower(): item for item in meant}
    if near := nearest_of(name.lower(), [*lowered], cutoff=0.5):
        return f"is unknown to Fundus; did you mean {lowered[near]}?"
    countries = {found.partition(".")[0] for found in meant["all"]}
    return f"is unknown to Fundus; countries are {','.join(sorted(countries))}"


@cache
def publishers_of_sources() -> tuple[str, ...] | None:
    """Ids of the publishers (us.TheIntercept) as Fundus's sources name them; None without Fundus.

    Each country is a class whose names are its publishers, in a package of its own.
    """
    spec = find_spec("fundus")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "publishers"
    found = []
    for country, name in _assigned(folder / "__init__.py", "PublisherCollection"):
        for publisher, _ in _assigned(folder / country / "__init__.py", name):
            found.append(f"{country}.{publisher}")
    return tuple(sorted(found))


def _assigned(file: Path, of_class: str) -> Iterator[tuple[str, str]]:
    """What a class assigns, name and value: ``us = US``, ``TheSun = Publisher(…)``."""
    for node in ast.parse(file.read_bytes()).body:
        if isinstance(node, ast.ClassDef) and node.name == of_class:
            for line in node.body:
                if not isinstance(line, ast.Assign) or not isinstance(line.targets[0], ast.Name):
                    continue
                value = line.value.func if isinstance(line.value, ast.Call) else line.value
                if isinstance(value, ast.Name):
                    yield line.targets[0].id, value.id
