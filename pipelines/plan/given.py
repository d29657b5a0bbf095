"""Parameters given with ``-p``: names that the workflow knows, values that a step would take."""

from collections.abc import Iterator

from pydantic import ValidationError

from jobs.errors import BadInputError
from jobs.expected import expectation
from jobs.store.source import check_source, place_of
from jobs.strict_json import parse
from jobs.suites import load_suite
from jobs.words import nearest, shown
from pipelines.fleet.placement import Placement
from pipelines.fleet.sections import (
    FAMILY_SECTIONS,
    FLEET_SECTIONS,
    section_keys,
    settings_of_flags,
)
from pipelines.local.tags import MAX_ITEMS_BYTES
from pipelines.plan.intent import Finding, Intent


def check_given(intent: Intent) -> Iterator[Finding]:
    """What is wrong with each parameter by itself. Raises nothing."""
    known = _known(intent)
    for name, value in intent.given.items():
        if why := _why_unknown(name, known) or _why_wrong(name, value, intent):
            yield Finding(f"-p {shown(name)[1:-1]}", why)


def _known(intent: Intent) -> list[str]:
    spec = intent.workflow.spec
    declared = {parameter.name for parameter in spec.arguments.parameters}
    entry = intent.workflow.template(spec.entrypoint)
    return sorted(declared | {parameter.name for parameter in entry.inputs.parameters})


def _why_unknown(name: str, known: list[str]) -> str:
    if name in known:
        return ""
    for job in FAMILY_SECTIONS:
        if name in section_keys(job):
            key = name.removeprefix(f"{job}-").replace("-", "_")
            return f"each family has its own; set {job}.{key} in the fleet file"
    return f"the workflow has no such parameter; {nearest(name, known)}"


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
