"""The command line of a run: what is wrong with it, whatever the fleet is."""

import re
from collections.abc import Iterator, Mapping

from jobs.errors import BadInputError
from jobs.store.uri import normal_uri
from jobs.words import shown
from pipelines.fleet.model import NAME, OWN_PARAMETERS, PERIOD
from pipelines.fleet.texts import why_unfit
from pipelines.plan.intent import Finding, flag

MAX_RUN = 100
"""Characters of a run's name."""


def check_flags(
    given: Mapping[str, str | None], period: str, store: str, run: str
) -> Iterator[Finding]:
    """What is no value at all, of those by ``-p`` and of the others; `run` may be empty."""
    for name, value in given.items():
        if why := _why_no_value(name, value):
            said = name or ("''" if value is None else f"={value}")
            yield Finding(f"-p {shown(said)[1:-1]}", why)
    try:
        normal_uri(store)
    except BadInputError as error:
        yield Finding(flag("store", given), str(error))
    if not re.fullmatch(PERIOD, period):
        yield Finding(
            flag("period", given), f"{shown(period)} is wrong: expected a month such as 2026-10"
        )
    if run and (len(run) > MAX_RUN or not re.fullmatch(NAME, run)):
        yield Finding(
            flag("run", given),
            f"{shown(run)} is wrong: expected a name of at most {MAX_RUN} small letters, digits, "
            "dots and dashes",
        )


def _why_no_value(name: str, value: str | None) -> str:
    if value is None or not name:
        return "expected NAME=VALUE"
    if name in OWN_PARAMETERS:
        return OWN_PARAMETERS[name]
    return f"it {why}" if (why := why_unfit(value)) else ""
