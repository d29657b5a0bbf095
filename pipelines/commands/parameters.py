"""The workflow's parameters for one run, from the fleet and the command line."""

import re
from collections.abc import Sequence
from pathlib import Path

from jobs.errors import BadInputError
from jobs.store.uri import normal_uri
from jobs.words import shown
from pipelines.fleet.model import NAME, PERIOD, Fleet
from pipelines.fleet.texts import why_unfit

FLEETS_OWN = ("fleet", "suite", "suite-definition", "families")
"""Parameters that ``-p`` may not set: the plan and the report of a run read them from the fleet."""

MAX_RUN = 100
"""Characters of a run's name."""

WORKFLOW = Path(__file__).parents[2] / "charts/perennial/files/refresh.yaml"


def run_parameters(
    fleet: Fleet, period: str, store: str, run_name: str | None, given: Sequence[str]
) -> dict[str, str]:
    """The workflow's parameters for one run; those given with ``-p`` win."""
    parameters = fleet.parameters()
    parameters |= {"period": period, "store": store}
    parameters["run"] = run_name or f"{fleet.name}-{period}"
    for text in given:
        key, separator, value = text.partition("=")
        if not separator:
            raise BadInputError(f"--parameter {shown(text)} is wrong: expected NAME=VALUE")
        if key in FLEETS_OWN:
            raise BadInputError(f"--parameter {shown(text)} is wrong: set it in the fleet file")
        if why := why_unfit(value):
            raise BadInputError(f"--parameter {shown(text)} is wrong: it {why}")
        parameters[key] = value
    parameters["store"] = normal_uri(parameters["store"])
    if not re.fullmatch(PERIOD, parameters["period"]):
        raise BadInputError(
            f"--period {shown(parameters['period'])} is wrong: expected a month such as 2026-10"
        )
    run = parameters["run"]
    if len(run) > MAX_RUN or not re.fullmatch(NAME, run):
        raise BadInputError(
            f"--run {shown(run)} is wrong: expected a name of at most {MAX_RUN} small letters, "
            "digits, dots and dashes"
        )
    return parameters
