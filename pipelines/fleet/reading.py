"""The fleet file: read and checked, and the JSON Schema that is published for it.

An error names file, line, column and field, what was expected, and the nearest valid name. The
schema lies in ``fleets/fleet.schema.json``; an editor that reads YAML schemas completes from it.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from jobs.errors import BadInputError
from jobs.records import message_of
from jobs.suites.suite import suite_names
from jobs.words import nearest, nearest_of, shown
from pipelines.fleet.model import Fleet
from pipelines.fleet.sections import FAMILY_SECTIONS, FLEET_SECTIONS, JOBS, check_together
from pipelines.fleet.texts import why_unfit
from pipelines.yaml_source import YamlSource


def read_fleet(path: Path, *, for_cluster: bool = False) -> Fleet:
    """The fleet in a file. Raises BadInputError with file, line, column, field and the fix.

    A fleet that says nothing of GPUs may run on this machine with any number of processes; only
    `for_cluster` must they fit the default.
    """
    source = YamlSource.read(path)
    _refuse_unfit_texts(source)
    try:
        fleet = Fleet.model_validate(source.value, context={"folder": path.resolve().parent})
    except ValidationError as error:
        raise BadInputError(_described(error, source)) from error
    if fleet.suite not in suite_names():
        hint = nearest(fleet.suite, suite_names())
        raise BadInputError(
            f"{source.position(['suite'])}: suite: no suite {shown(fleet.suite)}; {hint}"
        )
    problems = [*_disagreements(fleet)]
    if for_cluster or "train_gpus" in fleet.placement.model_fields_set:
        problems += _idle_or_missing_gpus(fleet)
    if problems:
        location, said = problems[0]
        raise BadInputError(f"{source.position_of_key(location)}: {_field(location)}: {said}")
    return fleet


def _refuse_unfit_texts(source: YamlSource) -> None:
    for location, text in source.texts():
        if why := why_unfit(text):
            is_key = location[-1:] == [text]
            at = source.position_of_key(location) if is_key else source.position(location)
            where = _field(location[:-1] if is_key else location) or "fleet"
            raise BadInputError(f"{at}: {where}: {shown(text)} {why}")


def _disagreements(fleet: Fleet) -> Iterator[tuple[list[int | str], str]]:
    """Settings that are valid, but not together: where, and why."""
    for job in FLEET_SECTIONS:
        if said := check_together(job, getattr(fleet, job)):
            yield [job], said
    for index, family in enumerate(fleet.families):
        for job in FAMILY_SECTIONS:
            if said := check_together(job, family.section(job, fleet)):
                is_fleets = said == check_together(job, getattr(fleet, job))
                yield [job] if is_fleets else ["families", index, job], said


def _idle_or_missing_gpus(fleet: Fleet) -> Iterator[tuple[list[int | str], str]]:
    """Families that do not train one process a GPU: where, and why."""
    default = JOBS["train"].model_fields["processes"].default
    gpus = fleet.placement.train_gpus
    for index, family in enumerate(fleet.families):
        processes = family.section("train", fleet).get("processes", default)
        if gpus not in (0, processes):
            own: list[int | str] = ["families", index] if "processes" in family.train else []
            said = f"{processes} for {family.name}, but placement.train_gpus is {gpus}"
            yield [*own, "train", "processes"], f"{said}; give both the same number, or 0 GPUs"


def _described(error: ValidationError, source: YamlSource) -> str:
    problems = error.errors()
    problems = [problem for problem in problems if not _is_echo(problem, problems)]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return _problem(problems[0], source) + more


def _is_echo(problem: ErrorDetails, problems: Sequence[ErrorDetails]) -> bool:
    """Whether a field is missing because it is misspelt; the misspelling is what to name."""
    *around, name = problem["loc"] or ("",)
    return problem["type"] == "missing" and any(
        other["type"] == "extra_forbidden"
        and list(other["loc"][:-1]) == around
        and nearest_of(str(other["loc"][-1]), [str(name)])
        for other in problems
    )


def _problem(problem: ErrorDetails, source: YamlSource) -> str:
    location = [_as_written(step) for step in problem["loc"]]
    field = _field(location)
    message = message_of(problem).removeprefix("Input ")
    if problem["type"] == "extra_forbidden":
        hint = nearest(str(location[-1]), known_fields(location[:-1]))
        return f"{source.position_of_key(location)}: {field}: unknown field; {hint}"
    if problem["type"] == "missing":
        return f"{source.position(location)}: {field}: missing; it is required"
    if problem["type"] in ("model_type", "dict_type", "mapping_type"):
        message = "expected a mapping"
    got = problem["input"]
    said = "" if isinstance(got, dict | list | BaseModel) else f", got {shown(got)}"
    near = _near_choice(problem)
    return f"{source.position(location)}: {field or 'fleet'}: {message}{said}{near}"


def _near_choice(problem: ErrorDetails) -> str:
    if problem["type"] != "literal_error":
        return ""
    expected = str(problem["ctx"]["expected"]).replace(" or ", ", ")
    return "; " + nearest(str(problem["input"]), [part.strip("'") for part in expected.split(", ")])


def _as_written(step: int | str) -> int | str:
    return "from" if step == "source" else step


def _field(location: Sequence[int | str]) -> str:
    """``families[0].train.epochs``, as a person would write it."""
    parts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return "".join(parts).removeprefix(".")


def known_fields(location: Sequence[int | str]) -> list[str]:
    """The fields that the schema has at a place of the file."""
    schema = fleet_schema()
    node: Any = schema
    for step in location:
        node = _definition(schema, node)
        node = node.get("items") if isinstance(step, int) else node["properties"].get(step)
        if node is None:
            return []
    return list(_definition(schema, node).get("properties", {}))


def _definition(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node


def fleet_schema() -> dict[str, Any]:
    """The JSON Schema of a fleet file."""
    schema = Fleet.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Perennial fleet",
    }
