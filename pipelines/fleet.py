"""The fleet file: read and checked, and the JSON Schema that is published for it.

An error names file, line, column and field, what was expected, and the nearest valid name. The
schema lies in ``fleets/fleet.schema.json``; an editor that reads YAML schemas completes from it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from jobs.errors import BadInputError
from jobs.suites.suite import suite_names
from pipelines.fleet_model import Fleet
from pipelines.words import nearest
from pipelines.yaml_source import YamlSource


def read_fleet(path: Path) -> Fleet:
    """The fleet in a file. Raises BadInputError with file, line, column, field and the fix."""
    source = YamlSource.read(path)
    try:
        fleet = Fleet.model_validate(source.value, context={"folder": path.resolve().parent})
    except ValidationError as error:
        raise BadInputError(_described(error, source)) from error
    if fleet.suite not in suite_names():
        hint = nearest(fleet.suite, suite_names())
        raise BadInputError(f"{source.place(['suite'])}: suite: no suite {fleet.suite!r}; {hint}")
    return fleet


def _described(error: ValidationError, source: YamlSource) -> str:
    problems = error.errors()
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    # A misspelt field also leaves the right one missing; the misspelling is what to name.
    first = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    return _problem(first, source) + more


def _problem(problem: Mapping[str, Any], source: YamlSource) -> str:
    location = [_as_written(step) for step in problem["loc"]]
    field = _field(location)
    message = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    if problem["type"] == "extra_forbidden":
        hint = nearest(str(location[-1]), known_fields(location[:-1]))
        return f"{source.place_of_key(location)}: {field}: unknown field; {hint}"
    if problem["type"] == "missing":
        return f"{source.place(location)}: {field}: missing; it is required"
    got = problem["input"]
    said = "" if isinstance(got, dict | list | BaseModel) else f", got {got!r}"
    near = _near_choice(problem)
    return f"{source.place(location)}: {field or 'fleet'}: {message}{said}{near}"


def _near_choice(problem: Mapping[str, Any]) -> str:
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
