"""Which fields a fleet file has where, and where one belongs that stands elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from jobs.plain_yaml import Location
from jobs.plain_yaml.telling import dotted
from jobs.words import nearest, nearest_of, shown
from pipelines.fleet.model import Fleet
from pipelines.fleet.sections import FAMILY_SECTIONS, FLEET_SECTIONS, JOBS, WIRED

Path = tuple[str, ...]

_ELSEWHERE = {
    "tasks": "tasks come from `suite`: paper, demo, or a file of your own (./my-suite.yaml)",
    "benchmarks": "they come from `suite`: paper, demo, or a file of your own (./my-suite.yaml)",
    "period": "it is given on the command line: --period 2026-10",
    "store": "it is given on the command line: --store s3://bucket/prefix",
    "run": "it is given on the command line: --run NAME",
    "gpu": "write placement.train_gpus and placement.evaluate_gpus",
    "gpus": "write placement.train_gpus and placement.evaluate_gpus",
    "models": "models stand in `families`, each with `base` and `instruct`",
    "model": "models stand in `families`, each with `base` and `instruct`",
}
_ORDINARY = {"name", "from", "revision", "gpu", "cpu"}
"""Fields of several kinds of things, which tell nothing of what was meant."""
_VERY_NEAR = 0.8
_SOME_FAMILY = "families[]"


@cache
def fleet_schema() -> dict[str, Any]:
    """The JSON Schema of a fleet file."""
    schema = Fleet.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Perennial fleet",
    }


def schema_at(location: Location) -> Mapping[str, Any] | None:
    """What the schema says of a place of the file, or None where it has none."""
    node: Mapping[str, Any] | None = definition(fleet_schema())
    for step in location:
        assert node is not None
        inner = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
        if inner is None:
            return None
        node = definition(inner)
    return node


def definition(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the schema, or what it refers to."""
    while "$ref" in node:
        node = fleet_schema()["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node


def known_fields(location: Location) -> list[str]:
    """The fields that the schema has at a place of the file."""
    return list((schema_at(location) or {}).get("properties", {}))


def unknown_field(location: Location) -> str:
    """What is wrong with a field that is unknown where it stands, and what was probably meant."""
    *around, name = location
    field, here = str(name), tuple(str(step) for step in around if isinstance(step, str))
    is_clear = nearest_of(field, known_fields(around), _VERY_NEAR) is not None
    hint = (None if is_clear else _why(field, here)) or _near(field, around, here)
    family = dotted(around[:2]) if here[:1] == ("families",) else "families[…]"
    return f"unknown field; {hint.replace(_SOME_FAMILY, family)}"


def _why(field: str, here: Path) -> str | None:
    """Where a field that is known belongs."""
    section = here[-1] if here and here[-1] in JOBS else None
    if section and field in WIRED.get(section, set()) | {"out"}:
        return f"the pipeline says it itself, as it does all inputs and outputs of {section}"
    if field in JOBS and field not in FLEET_SECTIONS + FAMILY_SECTIONS:
        return f"{field} has no settings in a fleet file"
    if field in FLEET_SECTIONS and here:
        return f"{field} is done once for all families; write it at the top level"
    if field not in _ORDINARY and (homes := _homes(field, here)):
        return f"it belongs elsewhere; write {' or '.join(homes)}"
    return _ELSEWHERE.get(field)


def _homes(field: str, here: Path) -> list[str]:
    """Where the field stands in the schema: of a section, once for the fleet or the family."""
    in_family = here[:1] == ("families",)
    found = [path for path, fields in _all_fields() if field in fields]
    near = [path for path in found if (path[:1] == ("families",)) == in_family] or found
    if near and near[0] == ("families",):
        near = near[:1]
    return [".".join((*path, field)).replace("families.", f"{_SOME_FAMILY}.") for path in near]


def _near(field: str, around: Sequence[int | str], here: Path) -> str:
    """The nearest field here, else one that is very near elsewhere, else all that are here."""
    known = known_fields(around)
    if nearest_of(field, known) is None:
        others = {name for _, fields in _all_fields() for name in fields}
        near = nearest_of(field, sorted(others), _VERY_NEAR)
        if near and (homes := _homes(near, here)):
            return f"did you mean {' or '.join(homes)}?"
    return nearest(field, known) if known else f"nothing is known of {shown(field)}"


@cache
def _all_fields() -> tuple[tuple[Path, tuple[str, ...]], ...]:
    """(path without numbers, names of its fields) of everything in a fleet file."""
    return tuple(_walk((), fleet_schema()))


def _walk(path: Path, node: Mapping[str, Any]) -> Iterator[tuple[Path, tuple[str, ...]]]:
    properties = definition(node).get("properties", {})
    if properties:
        yield path, tuple(properties)
    for name, inner in properties.items():
        found = definition(inner)
        yield from _walk((*path, name), found.get("items", found))
