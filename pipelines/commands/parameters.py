"""The workflow's parameters for one run, from the fleet and the command line."""

import contextlib
import re
from collections.abc import Sequence, Set
from pathlib import Path

from jobs.errors import BadInputError, BadInputsError
from jobs.store.uri import normal_uri
from jobs.words import shown
from pipelines.fleet.model import NAME, PERIOD, Fleet
from pipelines.fleet.sections import (
    SHARED,
    digest_key,
    digest_of_parameters,
    section_keys,
)
from pipelines.fleet.texts import why_unfit

FLEETS_OWN = ("fleet", "suite", "suite-definition", "families")
"""Parameters that ``-p`` may not set: the plan and the report of a run read them from the fleet."""

MAX_RUN = 100
"""Characters of a run's name."""

WORKFLOW = Path(__file__).parents[2] / "charts/perennial/files/refresh.yaml"


def run_parameters(
    fleet: Fleet, period: str, store: str, run_name: str | None, given: Sequence[str]
) -> dict[str, str]:
    """The workflow's parameters for one run; those given with ``-p`` win.

    Raises BadInputsError for all that is no value at all. What a run would make of the values is
    for `pipelines.plan.preflight`.
    """
    parameters = fleet.parameters()
    parameters |= {"period": period, "store": store, "run": run_name or ""}
    problems = []
    for text in given:
        key, _, value = text.partition("=")
        if why := _why_no_parameter(text):
            problems.append(f"--parameter {shown(text)} is wrong: {why}")
        else:
            parameters[key] = value
    with contextlib.suppress(BadInputError):  # of a wrong value, which preflight tells
        _renew_digests(parameters, {text.partition("=")[0] for text in given})
    try:
        parameters["store"] = normal_uri(parameters["store"])
    except BadInputError as error:
        problems.append(f"--store: {error}")
    period, run = parameters["period"], parameters["run"]
    if not re.fullmatch(PERIOD, period):
        problems.append(f"--period {shown(period)} is wrong: expected a month such as 2026-10")
        period = "period"
    run = parameters["run"] = run or f"{fleet.name}-{period}"
    if len(run) > MAX_RUN or not re.fullmatch(NAME, run):
        problems.append(
            f"--run {shown(run)} is wrong: expected a name of at most {MAX_RUN} small letters, "
            "digits, dots and dashes"
        )
    if problems:
        raise BadInputsError(problems)
    return parameters


def _why_no_parameter(text: str) -> str:
    key, separator, value = text.partition("=")
    if not separator:
        return "expected NAME=VALUE"
    if key in FLEETS_OWN:
        return "set it in the fleet file"
    return f"it {why}" if (why := why_unfit(value)) else ""


def _renew_digests(parameters: dict[str, str], given: Set[str]) -> None:
    """The digests of settings again, where ``-p`` gave settings and not their digest."""
    for job in SHARED:
        if given & set(section_keys(job)) and digest_key(job) not in given:
            parameters[digest_key(job)] = digest_of_parameters(job, parameters)
