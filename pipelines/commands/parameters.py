"""The workflow's parameters for one run, from the fleet and the command line."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobs.errors import BadInputError
from jobs.store.uri import normal_uri
from pipelines.fleet.model import OWN_PARAMETERS, Fleet
from pipelines.fleet.sections import (
    SHARED,
    digest_key,
    digest_of_parameters,
    section_keys,
)
from pipelines.fleet.texts import why_unfit

_FILES = Path(__file__).parents[2] / "charts/perennial/files"
WORKFLOW = (_FILES / "refresh.yaml", _FILES / "family.yaml")
"""The refresh, and what it makes a family's workflow from."""


def by_name(given: Sequence[str]) -> dict[str, str | None]:
    """Values given with ``-p`` by their names; None where one has no ``=``."""
    split = (text.partition("=") for text in given)
    return {name: value if separator else None for name, separator, value in split}


def settable(given: Mapping[str, str | None]) -> dict[str, str]:
    """Those of them that a run may have."""
    return {
        name: value
        for name, value in given.items()
        if name and value is not None and name not in OWN_PARAMETERS and not why_unfit(value)
    }


def run_parameters(
    fleet: Fleet, period: str, store: str, run_name: str | None, given: Sequence[str]
) -> dict[str, str]:
    """The workflow's parameters for one run; those given with ``-p`` win.

    What is wrong with any of them is for `pipelines.plan.preflight`.
    """
    given_by_name = settable(by_name(given))
    parameters = fleet.parameters()
    parameters |= {"period": period, "store": store, "run": run_name or "", **given_by_name}
    with contextlib.suppress(BadInputError):
        parameters["store"] = normal_uri(parameters["store"])
    parameters["run"] = parameters["run"] or f"{fleet.name}-{parameters['period']}"
    for job in SHARED:
        if given_by_name.keys() & set(section_keys(job)):
            with contextlib.suppress(BadInputError):
                parameters[digest_key(job)] = digest_of_parameters(job, parameters)
    return parameters
