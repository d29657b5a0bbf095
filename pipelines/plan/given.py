"""Parameters given with ``-p``: names that the workflow knows, values that a step would take."""

import difflib
import re
from collections.abc import Iterator

from pydantic import ValidationError

from jobs.errors import BadInputError
from jobs.store.source import check_source, place_of
from jobs.strict_json import parse
from jobs.suites import load_suite
from jobs.validation import expectation
from jobs.words import nearest, nearest_of, shown
from pipelines.fleet.model import OWN_PARAMETERS, Fleet
from pipelines.fleet.placement import Placement
from pipelines.fleet.sections import (
    FAMILY_SECTIONS,
    FLEET_SECTIONS,
    section_fields,
    section_keys,
    settings_of_flags,
)
from pipelines.local.tags import MAX_ITEMS_BYTES
from pipelines.plan.intent import Finding, Intent

MOST_NEAR = 3
SURELY, MIN_ALIKE = 0.9, 0.7
"""How alike two names are, of 0 to 1; parameters of one job are rather alike."""
_ELSEWHERE = (
    *(field for field in Fleet.model_fields if field not in FLEET_SECTIONS),
    *(f"placement.{field}" for field in Placement.model_fields),
)
"""Fields of the fleet file that are no parameters by themselves."""


def check_given(intent: Intent) -> Iterator[Finding]:
    """What is wrong with each parameter by itself. Raises nothing."""
    known = _known(intent)
    for name, value in intent.given.items():
        if why := _why_unknown(name, known) or _why_wrong(name, value, intent):
            yield Finding(f"-p {shown(name)[1:-1]}", why)


def _known(intent: Intent) -> list[str]:
    spec = intent.workflow.spec
    declared = {parameter.name for parameter in spec.arguments.parameters}
    entered = {parameter.name for parameter in intent.workflow.entrypoint().inputs.parameters}
    return sorted((declared | entered) - OWN_PARAMETERS.keys())


def _why_unknown(name: str, known: list[str]) -> str:
    if name in known:
        return ""
    if place := _place_in_fleet(name, known):
        return place
    section, _, field = name.partition(".")
    is_placement = field and section not in FLEET_SECTIONS
    meant = (field if is_placement else name).replace("_", "-").lower()
    near = _nearest_few(meant, known)
    said = f"did you mean {' or '.join(near)}? " if near else ""
    return f"the workflow has no such parameter; {said}perennial parameters FLEET lists them"


def _place_in_fleet(name: str, known: list[str]) -> str:
    """Where the fleet file says what is no parameter of a run, or ""."""
    spelled = re.sub("[-.]", "_", name)
    if fields := [
        f"{job}.{field}"
        for job in FAMILY_SECTIONS
        for field in section_fields(job)
        if spelled in (field, f"{job}_{field}")
    ]:
        return f"each family has its own; set {' or '.join(fields)} in the fleet file"
    for field in _ELSEWHERE:
        if spelled == field.rpartition(".")[2] and spelled.replace("_", "-") not in known:
            return f"set {field} in the fleet file"
    section, _, field = name.partition(".")
    if not field or field.replace("_", "-") in known or section in FLEET_SECTIONS:
        return ""
    return "set it in the fleet file" if section.partition("[")[0] in Fleet.model_fields else ""


def _nearest_few(name: str, known: list[str]) -> list[str]:
    """Those of which it is a word, or else the one of which it is surely a misspelling, or else
    those that are like it.
    """
    if having := [one for one in known if name in one.split("-")]:
        return having[:MOST_NEAR]
    surely = nearest_of(name, known, SURELY)
    return [surely] if surely else difflib.get_close_matches(name, known, MOST_NEAR, MIN_ALIKE)


def _why_wrong(name: str, value: str, intent: Intent) -> str:
    field = name.replace("-", "_")
    if field in Placement.model_fields:
        return _why_no_placement(field, value)
    for job in FLEET_SECTIONS:
        if name in section_keys(job):
            return _why_no_setting(job, name.removeprefix(f"{job}-"), value)
    if name == "tasks":
        return _why_no_tasks(value, intent.fleet.suite)
    if name == "bundle-from" and value:
        return _why_no_mirror(value)
    return ""


def _why_no_mirror(value: str) -> str:
    """By its form, and of a folder whether it is there; a bucket is asked with the models."""
    try:
        check_source(value)
    except ValueError as error:
        return f"{shown(value)} {error}"
    return "" if place_of(value) else f"there is no folder {shown(value)}"


def _why_no_placement(field: str, value: str) -> str:
    try:
        Placement.model_validate({field: value})
    except ValidationError as error:
        message = expectation(error.errors()[0])
        return f"{shown(value)} is wrong: {message}"
    return ""


def _why_no_setting(job: str, flag: str, value: str) -> str:
    """As the job would say it; the other flags are given what is right."""
    try:
        settings_of_flags(job, {flag: value})
    except BadInputError as error:
        return str(error).removeprefix(f"--{flag} ")
    return ""


def _why_no_tasks(value: str, suite: str) -> str:
    try:
        tasks = parse(value.encode(), "its value", MAX_ITEMS_BYTES)
    except BadInputError as error:
        tasks = None
        if value.startswith("["):
            return str(error)
    if not isinstance(tasks, list) or not tasks:
        return f'{shown(value)} is wrong: expected a list such as ["piqa"]'
    known = [task.name for task in load_suite(suite).tasks]
    for task in tasks:
        if task not in known:
            return f"the suite {suite} has no task {shown(task)}; {nearest(str(task), known)}"
    return ""
